// Verdicts: what a listener decided on an item; kept by the browser under the run's name.

const STORE = `audiodet:${DATA.run}`;
const verdicts = new Map(); // name of an item -> {verdict, label, onset, offset}
const undone = []; // [name, what it was before]

/** A name that stays when the page is made anew, with other truth too. */
function nameOf(item) {
  if (!isTruth(item)) return `e${item}`;
  return `t${ITEMS.recording[item]}@${ITEMS.onset[item].toFixed(3)}@${oneLine(original(item).label)}`;
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim();

function original(item) {
  return {
    label: DATA.labels[ITEMS.label[item]],
    onset: ITEMS.onset[item],
    offset: ITEMS.offset[item],
  };
}

/** Label and times as they stand now. */
function current(item) {
  return { ...original(item), ...verdicts.get(nameOf(item)) };
}

const verdictOf = (item) => verdicts.get(nameOf(item))?.verdict || "";

function isChanged(item) {
  const [before, now] = [original(item), current(item)];
  return before.label !== now.label || before.onset !== now.onset || before.offset !== now.offset;
}

/** Take a verdict: "keep" or "reject", and with "keep" another label or other times. */
function judge(item, verdict, changes = {}) {
  const name = nameOf(item);
  undone.push([name, verdicts.get(name), item]);
  const now = { ...current(item), ...changes, verdict };
  now.onset = Math.round(now.onset * 1000) / 1000;
  now.offset = Math.round(now.offset * 1000) / 1000;
  verdicts.set(name, now);
  store();
}

function clearVerdict(item) {
  const name = nameOf(item);
  if (!verdicts.has(name)) return;
  undone.push([name, verdicts.get(name), item]);
  verdicts.delete(name);
  store();
}

/** Take back the last decision -> its item, or -1. */
function undo() {
  if (!undone.length) return -1;
  const [name, before, item] = undone.pop();
  if (before) verdicts.set(name, before);
  else verdicts.delete(name);
  store();
  return item;
}

function store() {
  try {
    localStorage.setItem(STORE, JSON.stringify([...verdicts]));
  } catch (error) {
    say(`This browser keeps no verdicts (${error.name}): export them before the page is closed.`);
  }
}

function restore() {
  try {
    for (const [name, verdict] of JSON.parse(localStorage.getItem(STORE)) || []) {
      verdicts.set(name, verdict);
    }
  } catch (error) {
    say(`The verdicts that this browser kept cannot be read (${error.name}).`);
  }
}

restore();

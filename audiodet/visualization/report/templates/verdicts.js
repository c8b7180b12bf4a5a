// Verdicts: what a listener decided on an item; kept by the browser under the run's name.

const STORE = `audiodet:${DATA.run}`;
const verdicts = new Map(); // item -> {verdict, label, onset, offset}
const unknown = []; // [name, verdict] on true events of a page with other truth: kept for it
const before = []; // [item, what it had before a decision]

/** A name that stays when the page is made anew, with other truth too. */
function nameOf(item) {
  if (!isTruth(item)) return `e${item}`;
  const { onset, label } = original(item);
  return `t${ITEMS.recording[item]}@${onset.toFixed(3)}@${oneLine(label)}`;
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim();

function itemsByName() {
  const items = new Map();
  for (let item = 0; item < COUNT; item++) items.set(nameOf(item), item);
  return items;
}

function original(item) {
  return {
    label: DATA.labels[ITEMS.label[item]],
    onset: ITEMS.onset[item],
    offset: ITEMS.offset[item],
  };
}

/** Label and times as they stand now. */
function current(item) {
  return { ...original(item), ...verdicts.get(item) };
}

const verdictOf = (item) => verdicts.get(item)?.verdict || "";

function isChanged(item) {
  const [first, now] = [original(item), current(item)];
  return first.label !== now.label || first.onset !== now.onset || first.offset !== now.offset;
}

/** Take a verdict: "keep" or "reject", and with "keep" another label or other times. */
function judge(item, verdict, changes = {}) {
  before.push([item, verdicts.get(item)]);
  const now = { ...current(item), ...changes, verdict };
  now.onset = Math.round(now.onset * 1000) / 1000;
  now.offset = Math.round(now.offset * 1000) / 1000;
  verdicts.set(item, now);
  store();
}

function clearVerdict(item) {
  if (!verdicts.has(item)) return;
  before.push([item, verdicts.get(item)]);
  verdicts.delete(item);
  store();
}

/** Take back the last decision -> its item, or -1. */
function undo() {
  if (!before.length) return -1;
  const [item, verdict] = before.pop();
  if (verdict) verdicts.set(item, verdict);
  else verdicts.delete(item);
  store();
  return item;
}

function store() {
  const named = [...verdicts].map(([item, verdict]) => [nameOf(item), verdict]);
  try {
    localStorage.setItem(STORE, JSON.stringify([...unknown, ...named]));
  } catch (error) {
    say(`This browser keeps no verdicts (${error.name}): export them before the page is closed.`);
  }
}

function restore() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE)) || [];
    const items = itemsByName();
    for (const [name, verdict] of stored) {
      if (items.has(name)) verdicts.set(items.get(name), verdict);
      else unknown.push([name, verdict]);
    }
  } catch (error) {
    say(`The verdicts that this browser kept cannot be read (${error.name}).`);
  }
}

restore();

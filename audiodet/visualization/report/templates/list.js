// The list of events: only the rows that are in view exist, so its length does not matter.

const ROW_HEIGHT = 56; // pixels, as in the style sheet
const SHOW = {
  all: ["every event", () => true],
  unchecked: ["without a verdict", (item) => !verdictOf(item)],
  kept: ["kept", (item) => verdictOf(item) === "keep"],
  rejected: ["rejected", (item) => verdictOf(item) === "reject"],
  changed: ["relabelled or moved", (item) => isChanged(item)],
};
const SHOW_TRUTH = {
  hits: ["hits", (item) => kindOf(item) === "hit"],
  alarms: ["false alarms", (item) => kindOf(item) === "false alarm"],
  misses: ["misses", (item) => isTruth(item)],
};
if (HAS_TRUTH) Object.assign(SHOW, SHOW_TRUTH);

const scoreOf = (item) => (isTruth(item) ? -1 : ITEMS.score[item]);
const distance = (item) => Math.abs(scoreOf(item) - state.thresholds[ITEMS.label[item]]);
const byTime = (a, b) => ITEMS.recording[a] - ITEMS.recording[b] || ITEMS.onset[a] - ITEMS.onset[b];
const ORDER = {
  time: ["in order of time", byTime],
  high: ["highest score first", (a, b) => scoreOf(b) - scoreOf(a) || byTime(a, b)],
  low: ["lowest score first", (a, b) => scoreOf(a) - scoreOf(b) || byTime(a, b)],
  near: ["nearest to the slider first", (a, b) => distance(a) - distance(b) || byTime(a, b)],
};

let listed = []; // items
const scroll = { top: 0, height: 0 }; // of the list, kept here: asking for them costs a layout

function fillList() {
  const recording = Number($("recording").value);
  const accepts = SHOW[$("show").value][1];
  listed = [];
  for (let item = 0; item < COUNT; item++) {
    if (recording >= 0 && ITEMS.recording[item] !== recording) continue;
    if (state.hidden.has(ITEMS.label[item])) continue;
    if ((isReported(item) || verdictOf(item) === "keep") && accepts(item)) listed.push(item);
  }
  listed.sort(ORDER[$("order").value][1]);
  const height = `${listed.length * ROW_HEIGHT}px`;
  if ($("rows").style.height !== height) $("rows").style.height = height;
  const misses = listed.reduce((sum, item) => sum + isTruth(item), 0);
  const found = plural(listed.length - misses, "event");
  const missed = misses ? ` and ${plural(misses, "miss", "misses")}` : "";
  $("shown").textContent = found + missed;
}

function drawList() {
  const list = $("list");
  const first = Math.max(0, Math.floor(scroll.top / ROW_HEIGHT) - 3);
  const last = Math.min(listed.length, first + Math.ceil(scroll.height / ROW_HEIGHT) + 6);
  const rows = [];
  for (let place = first; place < last; place++) rows.push(listRow(place));
  for (const item of thumbnails.keys()) {
    if (thumbnails.size > 4 * rows.length) thumbnails.delete(item); // the oldest first
  }
  $("rows").replaceChildren(...rows);
  const place = listed.indexOf(state.chosen);
  const active = place >= first && place < last ? `item-${state.chosen}` : "";
  list.setAttribute("aria-activedescendant", active);
}

function listRow(place) {
  const item = listed[place];
  const { label, onset } = current(item);
  const verdict = verdictOf(item);
  const row = element("div", {
    id: `item-${item}`,
    role: "option",
    class: `row ${verdict} ${isTruth(item) ? "true-event" : ""}`,
    "aria-selected": item === state.chosen,
    "aria-setsize": listed.length,
    "aria-posinset": place + 1,
  });
  row.style.top = `${place * ROW_HEIGHT}px`;
  row.style.setProperty("--class", `var(--c${ITEMS.label[item] % 10})`);
  const where = `${clock(onset)} · ${baseName(DATA.recordings[ITEMS.recording[item]].path)}`;
  const kind = kindOf(item);
  const mark = { keep: isChanged(item) ? "✎" : "✓", reject: "✕" }[verdict] || "";
  const score = isTruth(item) ? "" : ITEMS.score[item].toFixed(2);
  row.append(
    thumbnail(item),
    element("span", { class: "row-text" }, element("b", {}, label), element("small", {}, where)),
    element("span", { class: `kind ${kind.replace(" ", "-")}` }, kind),
    element("span", { class: "row-score" }, score),
    element("span", { class: "mark", "aria-label": verdict }, mark),
  );
  return row;
}

const thumbnails = new Map(); // of rows that were drawn lately: pictures need not load again

function thumbnail(item) {
  if (!DATA.clips[item]) return element("span", { class: "thumbnail none" });
  if (!thumbnails.has(item)) {
    const picture = element("img", { class: "thumbnail", alt: "", decoding: "async" });
    picture.src = address("strips", item);
    thumbnails.set(item, picture);
  }
  return thumbnails.get(item);
}

/** Choose an event and bring its row into view. */
function choose(item) {
  state.chosen = item;
  const place = listed.indexOf(item);
  if (place >= 0) {
    const top = place * ROW_HEIGHT;
    if (top < scroll.top) scrollTo(top);
    else if (top + ROW_HEIGHT > scroll.top + scroll.height) scrollTo(top + ROW_HEIGHT - scroll.height);
  }
  drawList();
  drawDetail();
}

function scrollTo(top) {
  scroll.top = top;
  $("list").scrollTop = top;
}

function measureList() {
  const { scrollTop, clientHeight } = $("list");
  if (Math.abs(scrollTop - scroll.top) < 1 && clientHeight === scroll.height) return;
  Object.assign(scroll, { top: scrollTop, height: clientHeight });
  drawList();
}

/** The list was asked for in another way: begin at its first event. */
function beginList() {
  state.chosen = -1;
  scrollTo(0);
  refresh();
}

/** Choose the next item (step 1) or the one before (-1) that passes the test. */
function step(by, accepts = () => true) {
  let place = listed.indexOf(state.chosen) + by;
  while (place >= 0 && place < listed.length && !accepts(listed[place])) place += by;
  if (place >= 0 && place < listed.length) choose(listed[place]);
}

function options(select, choices) {
  for (const [value, [text]] of Object.entries(choices)) {
    select.append(element("option", { value }, text));
  }
}

function startList() {
  const counts = new Array(DATA.recordings.length).fill(0);
  for (let item = 0; item < DATA.found; item++) counts[ITEMS.recording[item]]++;
  $("recording").append(element("option", { value: -1 }, `all ${plural(counts.length, "recording")}`));
  DATA.recordings.forEach((recording, number) => {
    const text = `${baseName(recording.path)} (${counts[number]})`;
    $("recording").append(element("option", { value: number, title: recording.path }, text));
  });
  options($("show"), SHOW);
  options($("order"), ORDER);
  for (const id of ["recording", "show", "order"]) $(id).onchange = beginList;
  $("list").onscroll = () => requestAnimationFrame(measureList);
  new ResizeObserver(measureList).observe($("list"));
  $("rows").onclick = (event) => {
    const row = event.target.closest(".row");
    if (row) choose(Number(row.id.slice(5)));
  };
}

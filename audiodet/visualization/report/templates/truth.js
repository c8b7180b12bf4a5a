// With true events: what is hit, missed and invented at the sliders, and at every other threshold.

function drawTruth() {
  const { collar, evaluate_offset: offsets, offset_fraction: fraction } = DATA.matching;
  const rule = offsets
    ? `onsets within ${collar} s and offsets within ${collar} s or ${100 * fraction} % of the event`
    : `onsets within ${collar} s`;
  const labelled = DATA.recordings.filter((recording) => recording.truth).length;
  const all = plural(DATA.recordings.length, "recording");
  const lead = `A hit has ${rule}; ${labelled} of ${all} are labelled. Move the sliders: all of this follows.`;
  const panels = DATA.labels.map((name, label) => precisionPanel(label));
  const confused =
    "A false alarm in the place of a missed event of another class counts as confused with it.";
  $("truth").replaceChildren(
    element("h2", {}, "Hits, misses, false alarms"),
    element("p", { class: "muted" }, lead),
    truthTable(),
    element("h2", {}, "Confusion"),
    element("p", { class: "muted" }, confused),
    confusionTable(),
    element("h2", {}, "Precision and recall"),
    element("div", { class: "panels" }, ...panels),
  );
}

function tableRow(cells, kind = "td") {
  const made = cells.map((cell) => element(kind, {}, cell instanceof Node ? cell : String(cell)));
  return element("tr", {}, ...made);
}

/** A count that lists its events: of this class alone, and only hits, misses or false alarms. */
function listButton(count, label, show) {
  const text = `${count} ${SHOW[show][0]} of ${DATA.labels[label]}: list them`;
  const button = element("button", { class: "quiet", "aria-label": text }, String(count));
  button.onclick = () => {
    document.querySelectorAll(".class-name input").forEach((input, other) => {
      input.checked = other === label;
      input.onchange();
    });
    $("show").value = show;
    beginList();
    openTab("review");
  };
  return button;
}

const COUNTS = ["hits", "misses", "alarms"];
const HEAD = ["class", "true", "hits", "misses", "false alarms", "precision %", "recall %", "F1 %"];

function truthTable() {
  const body = element("tbody");
  const sums = { hits: 0, alarms: 0, misses: 0 };
  const f1s = [];
  DATA.labels.forEach((name, label) => {
    const counts = truthCounts(label, state.thresholds[label]);
    if (!(counts.hits + counts.misses + counts.alarms)) return;
    for (const key in sums) sums[key] += counts[key];
    if (counts.hits + counts.misses) f1s.push(rates(counts).f1);
    const then = truthCounts(label, DATA.thresholds[label]);
    const links = COUNTS.map((key) => listButton(counts[key], label, key));
    const cells = [name, counts.hits + counts.misses, ...links, ...ratesCells(counts)];
    body.append(tableRow([...cells, changeText(then, counts), bestButton(label)]));
  });
  const mean = f1s.length ? (100 * f1s.reduce((a, b) => a + b, 0)) / f1s.length : 0;
  const total = [sums.hits + sums.misses, ...COUNTS.map((key) => sums[key]), ...ratesCells(sums)];
  const last = `mean F1 of the classes ${mean.toFixed(1)} %`;
  body.append(tableRow(["all together", ...total, last, ""], "th"));
  const head = tableRow([...HEAD, "at the model's threshold", "best F1 %"], "th");
  return element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), body));
}

function ratesCells(counts) {
  const { precision, recall, f1 } = rates(counts);
  return [precision, recall, f1].map((rate) => (100 * rate).toFixed(1));
}

/** The threshold with the best F1, as a button that moves the slider there. */
function bestButton(label) {
  let best = [0, DATA.thresholds[label]];
  for (const [recall, precision, score] of precisionRecall(label).points) {
    const f1 = (2 * recall * precision) / (recall + precision) || 0;
    if (f1 > best[0]) best = [f1, score];
  }
  const threshold = Math.floor(best[1] * 1000) / 1000;
  const warning = "Chosen on these very recordings: expect less on others";
  const text = `${(100 * best[0]).toFixed(1)} at ${threshold}`;
  const button = element("button", { class: "quiet", title: warning }, text);
  button.onclick = () => setThreshold(label, threshold);
  return button;
}

const signed = (number) => (number > 0 ? `+${number}` : String(number).replace("-", "−"));

/** What the slider changed: F1 there, and hits and false alarms that came or went. */
function changeText(then, now) {
  const f1 = (100 * rates(then).f1).toFixed(1);
  if (then.hits === now.hits && then.alarms === now.alarms) return `F1 ${f1}, the same`;
  const [hits, alarms] = [now.hits - then.hits, now.alarms - then.alarms];
  return `F1 ${f1}; here ${signed(hits)} hits, ${signed(alarms)} false alarms`;
}

/** [true label or "nothing"][found label or "missed"] at the sliders. */
function confusion() {
  const size = DATA.labels.length;
  const cells = Array.from({ length: size + 1 }, () => new Array(size + 1).fill(0));
  const free = new Set();
  for (let item = DATA.found; item < COUNT; item++) {
    if (isReported(item)) free.add(item);
    else cells[ITEMS.label[item]][ITEMS.label[item]]++;
  }
  const alarms = [];
  for (let item = 0; item < DATA.found; item++) {
    if (ITEMS.hit[item] === 0 && isReported(item)) alarms.push(item);
  }
  for (const item of alarms.sort((a, b) => ITEMS.score[b] - ITEMS.score[a])) {
    const rival = (DATA.rivals[item] || []).find((other) => free.has(other));
    free.delete(rival);
    cells[rival === undefined ? size : ITEMS.label[rival]][ITEMS.label[item]]++;
  }
  for (const item of free) cells[ITEMS.label[item]][size]++;
  return cells;
}

function confusionTable() {
  const cells = confusion();
  const highest = Math.max(...cells.flat(), 1);
  const head = tableRow(["true ↓  found →", ...DATA.labels, "missed"], "th");
  const body = element("tbody");
  cells.forEach((row, place) => {
    const line = element("tr", {}, element("th", {}, DATA.labels[place] ?? "nothing"));
    row.forEach((count, column) => {
      const last = place === DATA.labels.length && column === DATA.labels.length;
      const cell = element("td", {}, last ? "" : String(count));
      cell.style.setProperty("--share", `${Math.round(70 * Math.sqrt(count / highest))}%`);
      if (place === column && !last) cell.className = "right";
      else if (!count) cell.className = "none";
      line.append(cell);
    });
    body.append(line);
  });
  const table = element("table", { class: "confusion" }, element("thead", {}, head), body);
  return element("div", { class: "scroll" }, table);
}

/** [[recall, precision, score], ...] from the highest score down. */
function precisionRecall(label) {
  const items = [];
  let truths = 0;
  for (const item of ofLabel[label]) {
    if (isTruth(item)) truths++;
    else if (ITEMS.hit[item] !== null) items.push(item);
  }
  items.sort((a, b) => ITEMS.score[b] - ITEMS.score[a]);
  const points = [];
  let hits = 0;
  items.forEach((item, place) => {
    hits += ITEMS.hit[item];
    const tied = place + 1 < items.length && ITEMS.score[items[place + 1]] === ITEMS.score[item];
    if (!tied) points.push([hits / Math.max(truths, 1), hits / (place + 1), ITEMS.score[item]]);
  });
  return { points, truths };
}

function precisionPanel(label) {
  const { points, truths } = precisionRecall(label);
  const now = rates(truthCounts(label, state.thresholds[label]));
  const place = ([recall, precision]) => `${(100 * recall).toFixed(2)},${(100 - 100 * precision).toFixed(2)}`;
  const text = truths
    ? `precision ${percent(now.precision, 1)} %, recall ${percent(now.recall, 1)} %`
    : "no true event";
  const name = `${DATA.labels[label]} at the slider: ${text}`;
  const svg = element("svg", { viewBox: "-4 -4 108 108", role: "img", "aria-label": name });
  for (const level of [0, 50, 100]) {
    svg.append(element("line", { x1: 0, x2: 100, y1: level, y2: level, class: "grid" }));
    svg.append(element("line", { y1: 0, y2: 100, x1: level, x2: level, class: "grid" }));
  }
  if (points.length) svg.append(element("path", { d: `M${points.map(place).join("L")}`, class: "own" }));
  svg.append(element("circle", { cx: 100 * now.recall, cy: 100 - 100 * now.precision, r: 3 }));
  const head = element("h3", {}, element("i"), DATA.labels[label], element("small", {}, ` ${text}`));
  const axes = element("div", { class: "muted" }, "recall 0 to 100 % →, precision ↑");
  const panel = element("div", { class: "panel square" }, head, svg, axes);
  panel.style.setProperty("--class", `var(--c${label % 10})`);
  return panel;
}

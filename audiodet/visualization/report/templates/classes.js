// A slider for each class: how many events are above it, over the distribution of their scores.

const BINS = 50;
// Scores of each label, ascending.
const scoresOf = ofLabel.map((items) =>
  items.filter((item) => !isTruth(item)).map((item) => ITEMS.score[item]).sort((a, b) => a - b),
);

/** Place of the first score that is at least the threshold. */
function firstAbove(scores, threshold) {
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

const countAbove = (label) =>
  scoresOf[label].length - firstAbove(scoresOf[label], state.thresholds[label]);

/** Hits, false alarms and misses of a label at a threshold. */
function truthCounts(label, threshold) {
  const counts = { hits: 0, alarms: 0, misses: 0 };
  for (const item of ofLabel[label]) {
    const above = ITEMS.score[item] !== null && ITEMS.score[item] >= threshold;
    if (isTruth(item)) counts.misses += !above;
    else if (above && ITEMS.hit[item] !== null) counts[ITEMS.hit[item] ? "hits" : "alarms"]++;
  }
  return counts;
}

function rates({ hits, alarms, misses }) {
  const precision = hits / (hits + alarms) || 0;
  const recall = hits / (hits + misses) || 0;
  return { precision, recall, f1: (2 * hits) / (2 * hits + alarms + misses) || 0 };
}

function histogram(label) {
  const bins = new Array(BINS).fill(0);
  for (const score of scoresOf[label]) bins[Math.min(BINS - 1, Math.floor(score * BINS))]++;
  const highest = Math.max(...bins, 1);
  const svg = element("svg", { viewBox: `0 0 ${BINS} 20`, preserveAspectRatio: "none", class: "bins" });
  bins.forEach((count, bin) => {
    const height = count ? Math.max(1, 20 * Math.sqrt(count / highest)) : 0;
    const place = { x: bin + 0.1, y: 20 - height, width: 0.8, height };
    svg.append(element("rect", place));
  });
  return svg;
}

function classRow(label) {
  const name = DATA.labels[label];
  const switched = element("input", { type: "checkbox", "aria-label": `Show ${name}` });
  switched.checked = true;
  switched.onchange = () => {
    if (switched.checked) state.hidden.delete(label);
    else state.hidden.add(label);
    refresh();
  };
  const slider = element("input", { type: "range", min: 0, max: 1, step: 0.01 });
  slider.setAttribute("aria-label", `Lowest score of ${name}`);
  const number = element("input", { type: "number", min: 0, max: 1, step: 0.01, class: "threshold" });
  number.setAttribute("aria-label", `Lowest score of ${name}, as a number`);
  for (const input of [slider, number]) {
    input.oninput = () => {
      if (input.value !== "") setThreshold(label, Number(input.value));
    };
  }
  const count = element("output", { class: "count" });
  const head = element("label", { class: "class-name" }, switched, element("i"), element("b", {}, name));
  head.title = name;
  const body = element("div", { class: "slider" }, histogram(label), slider);
  const row = element("div", { class: "class", "data-label": name }, head, count, body, number);
  if (HAS_TRUTH) row.append(element("p", { class: "muted rates" }));
  row.style.setProperty("--class", `var(--c${label % 10})`);
  return row;
}

function setThreshold(label, threshold) {
  state.thresholds[label] = threshold;
  refresh();
}

function drawClasses() {
  DATA.labels.forEach((name, label) => {
    const row = $("class-rows").children[label];
    const threshold = state.thresholds[label];
    const [slider, number] = [row.querySelector("[type=range]"), row.querySelector("[type=number]")];
    slider.value = threshold;
    if (document.activeElement !== number) number.value = Math.round(threshold * 1000) / 1000;
    const above = countAbove(label);
    row.querySelector("output").textContent =
      `${above.toLocaleString("en")} of ${scoresOf[label].length.toLocaleString("en")}`;
    row.classList.toggle("off", state.hidden.has(label));
    if (HAS_TRUTH) row.querySelector(".rates").textContent = ratesText(truthCounts(label, threshold));
  });
}

function ratesText(counts) {
  if (!(counts.hits + counts.misses)) return "no true event";
  const { precision, recall, f1 } = rates(counts);
  const [p, r, f] = [precision, recall, f1].map((rate) => (100 * rate).toFixed(0));
  return `precision ${p} % · recall ${r} % · F1 ${f} %`;
}

function startClasses() {
  $("class-rows").append(...DATA.labels.map((name, label) => classRow(label)));
  $("reset").onclick = () => {
    state.thresholds = [...DATA.thresholds];
    refresh();
  };
}

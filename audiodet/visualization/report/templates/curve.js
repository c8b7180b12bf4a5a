// Scores under the strip: at each time the highest score of the events of a class there.

/** Events of the recording that overlap a part of it, by label. */
function overlapping(recording, start, end) {
  const found = new Map();
  for (const item of itemsOf(recording)) {
    if (isTruth(item) || ITEMS.offset[item] <= start || ITEMS.onset[item] >= end) continue;
    const label = ITEMS.label[item];
    if (!found.has(label)) found.set(label, []);
    found.get(label).push(item);
  }
  return found;
}

/** Corners of a step curve: [[time, score], ...]. */
function stepCurve(items, start, end) {
  const edges = new Set([start, end]);
  for (const item of items) {
    edges.add(Math.max(ITEMS.onset[item], start));
    edges.add(Math.min(ITEMS.offset[item], end));
  }
  const times = [...edges].sort((a, b) => a - b);
  const corners = [];
  for (let i = 0; i + 1 < times.length; i++) {
    const middle = (times[i] + times[i + 1]) / 2;
    let score = 0;
    for (const item of items) {
      if (ITEMS.onset[item] < middle && middle < ITEMS.offset[item]) {
        score = Math.max(score, ITEMS.score[item]);
      }
    }
    corners.push([times[i], score], [times[i + 1], score]);
  }
  return corners;
}

/** Curves of a clip by label: the model's own where there are, else those of its events. */
function curvesOf(item, start, end) {
  const curves = new Map();
  const known = DATA.curves[item];
  for (const [label, values] of Object.entries(known || {})) {
    const time = (place) => start + ((place + 0.5) * (end - start)) / values.length;
    curves.set(Number(label), values.map((value, place) => [time(place), value / 100]));
  }
  if (known) return curves;
  for (const [label, items] of overlapping(ITEMS.recording[item], start, end)) {
    curves.set(label, stepCurve(items, start, end));
  }
  return curves;
}

function drawCurve(item) {
  const [start, seconds] = partOf(item);
  const x = (time) => (1000 * (time - start)) / seconds;
  const y = (score) => 98 - 96 * score;
  const lines = [];
  const own = ITEMS.label[item];
  for (const [label, corners] of curvesOf(item, start, start + seconds)) {
    if (state.hidden.has(label) && label !== own) continue;
    const path = corners.map(([time, score]) => `${x(time).toFixed(1)},${y(score).toFixed(1)}`);
    const line = element("path", { d: `M${path.join("L")}`, class: label === own ? "own" : "other" });
    line.style.stroke = `var(--c${label % 10})`;
    if (label === own) lines.push(line);
    else lines.unshift(line);
  }
  const level = y(state.thresholds[own]);
  lines.push(element("line", { x1: 0, x2: 1000, y1: level, y2: level, class: "level" }));
  $("level").textContent = `threshold ${Math.round(1000 * state.thresholds[own]) / 1000}`;
  $("level").style.top = `${level}%`;
  $("curve").replaceChildren(...lines);
}

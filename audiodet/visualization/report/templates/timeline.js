// The recording of the chosen event over time: a lane for each class, drawn on a canvas that zooms.

const LANE = 22; // pixels
const NAMES = 86; // pixels on the left, for the names of the lanes
let timelineWidth = 0; // pixels, kept here: asking for it costs a layout
const view = { recording: -1, start: 0, end: 1 };

function timelineLanes() {
  const labels = new Set();
  for (const item of itemsOf(view.recording)) {
    if (!state.hidden.has(ITEMS.label[item])) labels.add(ITEMS.label[item]);
  }
  return [...labels].sort((a, b) => a - b);
}

function drawTimeline() {
  const recording = ITEMS.recording[state.chosen];
  if (recording === undefined) return;
  const { duration, path } = DATA.recordings[recording];
  if (recording !== view.recording) Object.assign(view, { recording, start: 0, end: duration });
  $("timeline-title").textContent = `${baseName(path)} · ${clock(duration, 0)}`;
  const canvas = $("timeline");
  const lanes = timelineLanes();
  const [width, height] = [timelineWidth, LANE * lanes.length + 22];
  const ratio = window.devicePixelRatio || 1;
  const pen = canvas.getContext("2d");
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";
  drawTimeAxis(pen, width, height);
  lanes.forEach((label, lane) => drawLane(pen, label, lane * LANE, width));
  const shown = itemsOf(recording).filter(isReported).length;
  canvas.setAttribute("aria-label", `Timeline of ${path}: ${plural(shown, "event")} above the sliders`);
}

const perPixel = (width) => (view.end - view.start) / (width - NAMES); // seconds
const timeToX = (time, width) => NAMES + (time - view.start) / perPixel(width);
const xToTime = (x, width) => view.start + (x - NAMES) * perPixel(width);

function drawTimeAxis(pen, width, height) {
  const { ticks, digits } = ticksBetween(view.start, view.end, Math.max(2, (width - NAMES) / 90));
  pen.textAlign = "center";
  for (const tick of ticks) {
    const x = timeToX(tick, width);
    pen.fillStyle = colour("line");
    pen.fillRect(x, 0, 1, height - 18);
    pen.fillStyle = colour("muted");
    pen.fillText(clock(tick, digits), Math.min(x, width - 18), height - 5);
  }
}

function drawLane(pen, label, top, width) {
  const fill = classColour(label);
  pen.save();
  pen.textAlign = "right";
  pen.fillStyle = colour("muted");
  pen.fillText(DATA.labels[label], NAMES - 10, top + 14, NAMES - 14);
  pen.beginPath();
  pen.rect(NAMES - 4, top, width, LANE); // events that begin before the view end at its edge
  pen.clip();
  for (const item of itemsOf(view.recording)) {
    if (ITEMS.label[item] !== label) continue;
    const { onset, offset } = current(item);
    if (offset < view.start || onset > view.end) continue;
    const x = timeToX(onset, width);
    const long = Math.max(timeToX(offset, width) - x, 2);
    pen.strokeStyle = pen.fillStyle = fill;
    if (isTruth(item)) {
      pen.globalAlpha = 1;
      pen.fillRect(x, top + LANE - 4, long, 2); // all true events, found or not
    } else if (isReported(item)) {
      pen.globalAlpha = verdictOf(item) === "reject" ? 0.2 : 0.35 + 0.6 * ITEMS.score[item];
      pen.fillRect(x, top + 3, long, LANE - 9);
    }
    pen.globalAlpha = 1;
    if (item === state.chosen) {
      pen.strokeStyle = colour("ink");
      pen.lineWidth = 2;
      pen.strokeRect(x - 2, top + 1.5, long + 4, LANE - 6);
    }
  }
  pen.restore();
}

/** Zoom about a time, or move; the view stays inside the recording. */
function setView(start, seconds) {
  const { duration } = DATA.recordings[view.recording];
  const length = Math.min(Math.max(seconds, 0.5), duration);
  view.start = Math.min(Math.max(start, 0), duration - length);
  view.end = view.start + length;
  drawTimeline();
}

function zoom(factor, about = (current(state.chosen).onset + current(state.chosen).offset) / 2) {
  const seconds = view.end - view.start;
  const inside = about >= view.start && about <= view.end;
  const share = inside ? (about - view.start) / seconds : 0.5;
  setView(about - share * seconds * factor, seconds * factor);
}

/** The item at a place of the canvas, or -1. */
function itemAt(event) {
  const canvas = $("timeline");
  const label = timelineLanes()[Math.floor(event.offsetY / LANE)];
  const time = xToTime(event.offsetX, timelineWidth);
  const slack = 3 * perPixel(timelineWidth);
  for (const item of itemsOf(view.recording)) {
    const { onset, offset } = current(item);
    const here = onset - slack <= time && time <= offset + slack;
    if (here && ITEMS.label[item] === label && isReported(item)) return item;
  }
  return -1;
}

function startPan(down) {
  const canvas = $("timeline");
  const from = { x: down.offsetX, start: view.start };
  const seconds = view.end - view.start;
  const follow = (move) => {
    setView(from.start - (move.offsetX - from.x) * perPixel(timelineWidth), seconds);
  };
  canvas.setPointerCapture(down.pointerId);
  canvas.addEventListener("pointermove", follow);
  const end = (up) => {
    canvas.removeEventListener("pointermove", follow);
    const item = Math.abs(up.offsetX - from.x) < 4 ? itemAt(up) : -1;
    if (item >= 0) choose(item);
  };
  canvas.addEventListener("pointerup", end, { once: true });
}

function startTimeline() {
  const canvas = $("timeline");
  canvas.onpointerdown = startPan;
  canvas.ondblclick = () => setView(0, Infinity);
  canvas.onwheel = (event) => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, xToTime(event.offsetX, timelineWidth));
  };
  new ResizeObserver(() => {
    timelineWidth = canvas.clientWidth;
    drawTimeline();
  }).observe(canvas);
  $("zoom-in").onclick = () => zoom(0.5);
  $("zoom-out").onclick = () => zoom(2);
  $("zoom-whole").onclick = () => setView(0, Infinity);
}

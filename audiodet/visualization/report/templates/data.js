// The run as Python wrote it, what of it is shown, and helpers that every part of the page uses.

const DATA = JSON.parse(document.getElementById("data").textContent);
const ITEMS = DATA.items; // columns; events that were found first, then true events
const COUNT = ITEMS.onset.length;
const HAS_TRUTH = DATA.recordings.some((recording) => recording.truth);

const state = {
  thresholds: [...DATA.thresholds],
  hidden: new Set(), // labels that are switched off, by number
  chosen: -1, // item
  tab: "review",
};

const ofLabel = DATA.labels.map(() => []); // items of each label
for (let item = 0; item < COUNT; item++) ofLabel[ITEMS.label[item]].push(item);

const ofRecording = DATA.recordings.map(() => []); // items of each recording
for (let item = 0; item < COUNT; item++) ofRecording[ITEMS.recording[item]].push(item);
const itemsOf = (recording) => ofRecording[recording] || [];

const $ = (id) => document.getElementById(id);
const isTruth = (item) => item >= DATA.found;

function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "rect", "circle", "text", "g"].includes(tag);
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children); // strings become text, never markup
  return made;
}

/** Above the slider; or a miss, a true event that nothing above the slider finds. */
function isReported(item) {
  const score = ITEMS.score[item]; // of a true event: at which it is found
  const above = score !== null && score >= state.thresholds[ITEMS.label[item]];
  return isTruth(item) ? !above : above;
}

/** "hit", "false alarm", "miss", or "" in a recording that nobody labelled. */
function kindOf(item) {
  if (isTruth(item)) return "miss";
  if (ITEMS.hit[item] === null) return "";
  return ITEMS.hit[item] ? "hit" : "false alarm";
}

function clock(seconds, digits = 2) {
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.abs(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  if (!hours) return `${sign}${minutes}:${rest}`;
  return `${sign}${hours}:${String(minutes).padStart(2, "0")}:${rest}`;
}

const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);
const plural = (number, word, several = `${word}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? word : several}`;
const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)}` : "–");

/** Colours follow the light or dark scheme, so they are asked for when they are drawn. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
const classColour = (label) => colour(`c${label % 10}`);

/** Address of a clip or strip: a file beside the page, or the text of an element of it. Events that
 * lie close share one. */
function address(folder, item) {
  const suffix = folder === "clips" ? DATA.suffix : ".png";
  const name = `${folder}/${DATA.clips[item][3]}${suffix}`;
  const inside = document.getElementById(name);
  const type = folder === "clips" ? `audio/${DATA.suffix.slice(1)}` : "image/png";
  return inside ? `data:${type};base64,${inside.textContent}` : name;
}

function say(text) {
  $("message").hidden = !text;
  $("message").firstElementChild.textContent = text;
}

/** About five round numbers between two bounds. */
function ticksBetween(low, high, most = 6) {
  const rough = (high - low) / most;
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const step = steps.find((candidate) => candidate >= rough) || 3600 * Math.ceil(rough / 3600);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9; k++) ticks.push(k * step);
  return { ticks, digits: step >= 1 ? 0 : step >= 0.1 ? 1 : 2 };
}

// The keyboard, the tabs, and the start of the page.

const FINE = 0.01; // seconds that an edge moves, five times that without Shift
const KEYS = {
  "↓ J": ["the next event", ["ArrowDown", "j"], () => step(1)],
  "↑ K": ["the event before", ["ArrowUp", "k"], () => step(-1)],
  N: ["the next event without a verdict", ["n"], () => step(1, (item) => !verdictOf(item))],
  "Space": ["play or pause", [" "], () => ($("player").paused ? play() : $("player").pause())],
  "Y Enter": ["keep", ["y", "Enter"], () => decide("keep")],
  "X Del": ["reject", ["x", "Delete"], () => decide("reject")],
  "1 … 9": ["keep as the first, second … class", [..."123456789"], (event) => relabelTo(Number(event.key))],
  L: ["keep with another label", ["l"], () => $("label").select()],
  "A S": ["onset earlier, later (Shift: finer)", ["a", "s"], (event) => nudgeBy("onset", event, "a")],
  "D F": ["offset earlier, later (Shift: finer)", ["d", "f"], (event) => nudgeBy("offset", event, "d")],
  U: ["no verdict on this event", ["u"], () => $("clear").click()],
  "Ctrl Z": ["take back the last decision", [], () => {}],
  "+ −": ["zoom the timeline", ["+", "-", "="], (event) => zoom(event.key === "-" ? 2 : 0.5)],
  "0 Home": ["the whole recording", ["0", "Home"], () => setView(0, Infinity)],
  "?": ["this list", ["?"], () => $("help").showModal()],
};

function nudgeBy(edge, event, earlier) {
  const by = event.shiftKey ? FINE : 5 * FINE;
  nudge(edge, event.key.toLowerCase() === earlier ? -by : by);
}

function relabelTo(number) {
  const label = DATA.labels[number - 1];
  if (label === undefined || state.chosen < 0) return;
  if (label === current(state.chosen).label) decide("keep");
  else relabel(label);
}

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    if (event.target.matches("input:not([type=range]):not([type=checkbox])")) return;
    const item = undo();
    refreshNow();
    if (item >= 0) choose(item);
    return event.preventDefault();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("help").open || state.tab !== "review") return;
  if (event.target.matches("input:not([type=checkbox]), select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const pressed = event.target.matches("button, summary, audio, .button, [type=checkbox]");
  if (pressed && [" ", "Enter"].includes(event.key)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  for (const [, keys, act] of Object.values(KEYS)) {
    if (keys.includes(key)) {
      event.preventDefault();
      act(event);
      return;
    }
  }
}

function openTab(name) {
  state.tab = name;
  for (const tab of ["review", "hours", "truth"]) {
    $(tab).hidden = tab !== name;
    $(`tab-${tab}`).setAttribute("aria-selected", tab === name);
    $(`tab-${tab}`).tabIndex = tab === name ? 0 : -1;
  }
  refreshNow();
}

function onTabKey(event) {
  const tabs = [...document.querySelectorAll("[role=tab]")].filter((tab) => !tab.hidden);
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const next = tabs[(tabs.indexOf(event.target) + by + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

let waiting = false;

/** Draw everything again, once before the next frame however often it is asked for. */
function refresh() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(refreshNow);
}

function refreshNow() {
  waiting = false;
  drawClasses();
  fillList();
  drawProgress();
  if (state.tab === "hours") return drawHours();
  if (state.tab === "truth") return drawTruth();
  if (!listed.includes(state.chosen)) state.chosen = listed[0] ?? -1;
  drawList();
  drawDetail();
}

function drawProgress() {
  const judged = verdicts.size;
  $("progress").textContent = judged ? plural(judged, "verdict") : "";
  const left = judged ? uncheckedCount() : 0;
  $("export-note").textContent = left
    ? `${plural(left, "event")} above the sliders in these recordings still without a verdict: ` +
      "a training takes what is left out as background."
    : "Recordings with a verdict are exported, and their kept events.";
}

function describeRun() {
  const clips = Object.keys(DATA.clips).length;
  const heard = clips < COUNT ? `, ${plural(clips, "clip")}` : "";
  const found = `${plural(DATA.found, "event")} of any score${heard}`;
  $("summary").textContent = `${DATA.model} · ${found} · run ${DATA.run} · page of ${DATA.made}`;
  $("problems").hidden = !DATA.problems.length;
  const [title, list] = $("problems").children;
  title.textContent = `${plural(DATA.problems.length, "recording")} could not be used`;
  list.append(...DATA.problems.map(([path, reason]) => element("li", {}, `${path}: ${reason}`)));
  $("tab-truth").hidden = !HAS_TRUTH;
}

function startPage() {
  describeRun();
  startClasses();
  startList();
  startDetail();
  startTimeline();
  for (const [keys, [text]] of Object.entries(KEYS)) {
    const caps = keys.split(" ").map((key) => element("kbd", {}, key));
    $("keys").append(element("dt", {}, ...caps), element("dd", {}, text));
  }
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.onclick = () => openTab(tab.id.slice(4));
    tab.onkeydown = onTabKey;
  }
  document.addEventListener("keydown", onKey);
  $("help-button").onclick = () => $("help").showModal();
  $("message").lastElementChild.onclick = () => say("");
  $("export").onclick = exportVerdicts;
  $("import-button").onkeydown = (event) => {
    if (["Enter", " "].includes(event.key)) $("import").click();
  };
  $("import").onchange = async () => {
    await importVerdicts($("import").files[0]);
    $("import").value = "";
    refreshNow();
  };
  $("with-unchecked").onchange = drawProgress;
  window.addEventListener("resize", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  refreshNow();
}

startPage();

// The chosen event: its strip with a box that can be pulled, its clip, its verdict.

/** [start, seconds] of what the strip shows, cut or not. */
function partOf(item) {
  const clip = DATA.clips[item];
  if (clip) return clip;
  const { onset, offset } = original(item);
  const seconds = Math.max(5, offset - onset + 2);
  return [Math.max(0, (onset + offset - seconds) / 2), seconds];
}

function drawDetail() {
  const item = state.chosen;
  $("nothing").hidden = item >= 0;
  $("chosen").hidden = item < 0;
  if (item < 0) return stopPlayer();
  const recording = DATA.recordings[ITEMS.recording[item]];
  const { label, onset, offset } = current(item);
  $("chosen").style.setProperty("--class", `var(--c${ITEMS.label[item] % 10})`);
  $("what").textContent = label;
  const score = isTruth(item) ? "" : `score ${ITEMS.score[item].toFixed(3)}`;
  $("score").textContent = [score, kindOf(item)].filter(Boolean).join(" · ");
  $("where").textContent = `${recording.path} · ${clock(onset)} to ${clock(offset)}${timeOfDay(recording, onset)}`;
  $("label").value = label;
  $("onset").value = onset;
  $("offset").value = offset;
  const verdict = verdictOf(item);
  $("keep").setAttribute("aria-pressed", verdict === "keep");
  $("reject").setAttribute("aria-pressed", verdict === "reject");
  $("figure").className = verdict;
  drawStrip(item);
  drawBox(item);
  drawCurve(item);
  drawTimeline();
}

function timeOfDay(recording, onset) {
  if (!recording.began) return "";
  const time = new Date(new Date(`${recording.began}Z`).getTime() + 1000 * onset);
  return ` · ${time.toISOString().slice(0, 19).replace("T", " ")}`;
}

let loaded = -1; // item whose strip and clip are in place

function drawStrip(item) {
  const [start, seconds, rate] = partOf(item);
  const clip = DATA.clips[item];
  $("strip").hidden = !clip;
  $("no-clip").textContent = clip ? "" : whyNoClip(item);
  if (item === loaded) return;
  loaded = item;
  stopPlayer();
  $("player").hidden = !clip;
  if (clip) {
    $("strip").src = address("strips", item);
    $("strip").alt = `Spectrogram from ${clock(start)} to ${clock(start + seconds)}`;
    $("player").src = address("clips", item);
    if ($("autoplay").checked) play();
  }
  const marks = clip ? DATA.ticks[rate] : [];
  $("frequencies").replaceChildren(...marks.map(([hz, place]) => {
    const mark = element("span", {}, hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`);
    mark.style.bottom = `${100 * place}%`;
    return mark;
  }));
  const { ticks, digits } = ticksBetween(start, start + seconds);
  $("seconds").replaceChildren(...ticks.map((tick) => {
    const mark = element("span", {}, clock(tick, digits));
    mark.style.left = `${(100 * (tick - start)) / seconds}%`;
    return mark;
  }));
}

function whyNoClip(item) {
  const path = DATA.recordings[ITEMS.recording[item]].path;
  const problem = DATA.problems.find(([name]) => name === path);
  if (problem) return `No clip: ${problem[1]}`;
  return `No clip: ${DATA.maxClips} events of each class have one (--max-clips).`;
}

function drawBox(item, times = current(item)) {
  const [start, seconds, , , low, high] = partOf(item);
  const place = (time) => (100 * (Math.min(Math.max(time, start), start + seconds) - start)) / seconds;
  const style = $("box").style;
  style.left = `${place(times.onset)}%`;
  style.width = `${place(times.offset) - place(times.onset)}%`;
  style.bottom = `${100 * (low ?? 0)}%`;
  style.top = `${100 * (1 - (high ?? 1))}%`;
}

/** Move an edge by pulling it; the box follows, the verdict is taken when it is let go. */
function startEdge(event, edge) {
  const item = state.chosen;
  const [start, seconds] = partOf(item);
  const frame = $("picture").getBoundingClientRect();
  const times = current(item);
  const follow = (move) => {
    const share = Math.min(Math.max((move.clientX - frame.left) / frame.width, 0), 1);
    moveEdge(times, edge, start + share * seconds);
    drawBox(item, times);
    $(edge).value = times[edge].toFixed(2);
  };
  const end = () => {
    event.target.removeEventListener("pointermove", follow);
    decide("keep", { onset: times.onset, offset: times.offset }, false);
  };
  event.preventDefault();
  event.stopPropagation();
  event.target.setPointerCapture(event.pointerId);
  event.target.addEventListener("pointermove", follow);
  event.target.addEventListener("pointerup", end, { once: true });
  event.target.addEventListener("pointercancel", () => drawDetail(), { once: true });
}

/** Set an edge, at least 10 ms from the other one and inside the recording. */
function moveEdge(times, edge, time) {
  const { duration } = DATA.recordings[ITEMS.recording[state.chosen]];
  if (edge === "onset") times.onset = Math.min(Math.max(time, 0), times.offset - 0.01);
  else times.offset = Math.max(Math.min(time, duration), times.onset + 0.01);
}

function nudge(edge, by) {
  if (state.chosen < 0) return;
  const times = current(state.chosen);
  moveEdge(times, edge, times[edge] + by);
  decide("keep", { onset: times.onset, offset: times.offset }, false);
}

/** Take a verdict on the chosen event and, if asked to, go on to the next one. */
function decide(verdict, changes = {}, mayGoOn = true) {
  const item = state.chosen;
  if (item < 0) return;
  const place = listed.indexOf(item);
  judge(item, verdict, changes);
  fillList();
  drawProgress();
  if (!mayGoOn || !$("go-on").checked) return choose(item);
  const next = listed[place] === item ? place + 1 : place; // it may have left the list
  choose(listed[Math.min(next, listed.length - 1)] ?? -1);
}

function relabel(label) {
  const name = oneLine(label);
  if (name && name !== current(state.chosen).label) decide("keep", { label: name });
}

function play() {
  $("player").play().catch(() => {}); // a browser may refuse before the first click
}

function stopPlayer() {
  $("player").pause();
  $("playhead").hidden = true;
}

function followPlayer() {
  const [, seconds] = partOf(state.chosen);
  $("playhead").hidden = false;
  $("playhead").style.left = `${(100 * $("player").currentTime) / seconds}%`;
  if (!$("player").paused) requestAnimationFrame(followPlayer);
}

function startDetail() {
  $("labels").append(...DATA.labels.map((name) => element("option", { value: name })));
  $("keep").onclick = () => decide("keep");
  $("reject").onclick = () => decide("reject");
  $("clear").onclick = () => {
    clearVerdict(state.chosen);
    refresh();
  };
  $("label").onchange = () => relabel($("label").value);
  for (const edge of ["onset", "offset"]) {
    $(edge).onchange = () => nudge(edge, Number($(edge).value) - current(state.chosen)[edge]);
  }
  $("left-edge").onpointerdown = (event) => startEdge(event, "onset");
  $("right-edge").onpointerdown = (event) => startEdge(event, "offset");
  $("player").onplay = followPlayer;
  $("picture").onclick = (event) => {
    const frame = $("picture").getBoundingClientRect();
    const [, seconds] = partOf(state.chosen);
    $("player").currentTime = (seconds * (event.clientX - frame.left)) / frame.width;
    if ($("player").paused) play();
  };
}

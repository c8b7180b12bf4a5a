// How many events of each class lie above the sliders, hour by hour.

const WIDTHS = [3600, 600, 300, 60, 30, 10, 5, 1]; // seconds of a bar

/** Where bars stand: by time of day, or by time into the recordings, in at least six bars. */
function timeBins() {
  if (DATA.recordings.length && DATA.recordings.every((recording) => recording.began)) {
    return { count: 24, seconds: 3600, title: "hour of the day", ofDay: true };
  }
  const longest = Math.max(...DATA.recordings.map((recording) => recording.duration), 1);
  const seconds = WIDTHS.find((width) => longest / width >= 6) || 1;
  const title = `time into the recordings, ${seconds === 3600 ? "an hour" : `${seconds} s`} a bar`;
  return { count: Math.max(1, Math.ceil(longest / seconds)), seconds, title, ofDay: false };
}

const secondsOfDay = (began) => {
  const [hours, minutes, seconds] = began.slice(11, 19).split(":").map(Number);
  return 3600 * hours + 60 * minutes + seconds;
};

/** Counts of each label in each bin, without rejected events and with labels as they stand. */
function countsByHour(bins) {
  const counts = new Map(DATA.labels.map((name) => [name, new Array(bins.count).fill(0)]));
  for (let item = 0; item < DATA.found; item++) {
    if (!isReported(item) || verdictOf(item) === "reject") continue;
    const { label, onset } = current(item);
    const { began } = DATA.recordings[ITEMS.recording[item]];
    const time = onset + (bins.ofDay ? secondsOfDay(began) : 0);
    const bin = Math.floor(time / bins.seconds) % bins.count;
    if (!counts.has(label)) counts.set(label, new Array(bins.count).fill(0));
    counts.get(label)[bin]++;
  }
  return counts;
}

function drawHours() {
  const bins = timeBins();
  const counts = countsByHour(bins);
  const total = DATA.recordings.reduce((sum, recording) => sum + recording.duration, 0);
  const panels = [...counts].map(([name, values], number) => hourPanel(name, number, values, total, bins));
  const sound = `${plural(DATA.recordings.length, "recording")}, ${(total / 3600).toFixed(2)} h of sound`;
  const lead = `Events above the sliders by ${bins.title}, without rejected ones; ${sound}.`;
  const head = [element("h2", {}, "Counts over time"), element("p", { class: "muted" }, lead)];
  $("hours").replaceChildren(...head, ...panels);
}

function hourPanel(name, number, values, total, bins) {
  const begin = (bin) => (bins.seconds === 3600 ? `${bin}` : clock(bin * bins.seconds, 0));
  const highest = Math.max(...values, 1);
  const width = 100 / values.length;
  const bars = values.map((value, bin) => {
    const height = (100 * value) / highest;
    const x = (bin + 0.1) * width;
    const bar = element("rect", { x, width: 0.8 * width, y: 100 - height, height });
    bar.append(element("title", {}, `${begin(bin)}: ${value}`));
    return bar;
  });
  const sum = values.reduce((a, b) => a + b, 0);
  const counts = values.map((value, bin) => `${begin(bin)}: ${value}`).join(", ");
  const text = `${name}: ${plural(sum, "event")}, ${counts}`;
  const frame = { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" };
  const svg = element("svg", { ...frame, "aria-label": text }, ...bars);
  const every = Math.ceil(values.length / 24);
  const axis = values.map((_, bin) => element("span", {}, bin % every ? "" : begin(bin)));
  const rate = ((3600 * sum) / Math.max(total, 1)).toFixed(1);
  const note = ` ${plural(sum, "event")} · ${rate} an hour · highest bar ${highest}`;
  const head = element("h3", {}, element("i"), name, element("small", {}, note));
  const foot = element("div", { class: "axis", "aria-hidden": "true" }, ...axis);
  const panel = element("div", { class: "panel" }, head, svg, foot);
  panel.style.setProperty("--class", `var(--c${number % 10})`);
  return panel;
}

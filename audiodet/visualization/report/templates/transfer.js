// Verdicts to a label table and back.
//
// A kept event is a row of DESED's columns, which `audiodet train` reads; a rejected one has empty
// fields there, which means nothing but that its recording was heard. The other columns are for
// this page.

const COLUMNS = ["filename", "onset", "offset", "event_label", "score", "verdict", "run", "event"];

/** Recordings in which at least one item has a verdict. */
function heardRecordings() {
  const heard = new Set();
  for (const item of verdicts.keys()) heard.add(ITEMS.recording[item]);
  return [...heard].sort((a, b) => a - b);
}

function exportedTable(withUnchecked) {
  const rows = [COLUMNS];
  for (const recording of heardRecordings()) {
    const path = DATA.recordings[recording].path;
    const onset = (item) => current(item).onset;
    for (const item of [...itemsOf(recording)].sort((a, b) => onset(a) - onset(b))) {
      const verdict = verdictOf(item) || (withUnchecked && isReported(item) ? "unchecked" : "");
      if (!verdict) continue;
      const { label, onset, offset } = current(item);
      const times = [onset.toFixed(3), offset.toFixed(3), oneLine(label)];
      const score = isTruth(item) ? "" : ITEMS.score[item].toFixed(4);
      const cells = verdict === "reject" ? ["", "", ""] : times;
      rows.push([path, ...cells, score, verdict, DATA.run, nameOf(item)]);
    }
  }
  return rows.map((row) => row.join("\t") + "\n").join("");
}

/** Events above the sliders, in recordings that were heard, that have no verdict. */
function uncheckedCount() {
  let count = 0;
  for (const recording of heardRecordings()) {
    for (const item of itemsOf(recording)) if (!verdictOf(item) && isReported(item)) count++;
  }
  return count;
}

function exportVerdicts() {
  if (!verdicts.size) return say("There is no verdict yet: keep or reject an event first.");
  const text = exportedTable($("with-unchecked").checked);
  const link = element("a", { download: `verdicts_${DATA.run}.tsv` });
  link.href = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Verdicts of an exported table -> [[item, verdict]]; an Error says what is wrong with it. */
function importedVerdicts(text) {
  const [header, ...lines] = text.replace(/^\ufeff/, "").split(/\r?\n/).filter(Boolean);
  const names = (header || "").split("\t");
  const missing = COLUMNS.filter((column) => !names.includes(column));
  if (missing.length) throw Error(`has no column ${missing.join(", ")}, expected exported verdicts`);
  const byName = itemsByName();
  const taken = [];
  for (const line of lines) {
    const cells = Object.fromEntries(line.split("\t").map((cell, i) => [names[i], cell]));
    if (cells.run !== DATA.run) {
      throw Error(`is of run ${cells.run || "(none)"}, this page is of run ${DATA.run}`);
    }
    const item = byName.get(cells.event);
    if (item === undefined) throw Error(`names event ${cells.event}, which this page has not`);
    if (cells.verdict !== "unchecked") taken.push([item, importedVerdict(item, cells)]);
  }
  return taken;
}

function importedVerdict(item, cells) {
  const before = original(item);
  if (cells.verdict === "reject") return { ...before, verdict: "reject" };
  const onset = Number(cells.onset);
  const offset = Number(cells.offset);
  if (cells.verdict !== "keep" || !(onset >= 0 && onset < offset)) {
    throw Error(`has ${cells.verdict} ${cells.onset} ${cells.offset}, expected keep onset offset`);
  }
  const sameLabel = oneLine(before.label) === cells.event_label;
  return { label: sameLabel ? before.label : cells.event_label, onset, offset, verdict: "keep" };
}

async function importVerdicts(file) {
  try {
    const taken = importedVerdicts(await file.text());
    for (const [item, verdict] of taken) verdicts.set(item, verdict);
    store();
    say(`${plural(taken.length, "verdict")} taken from ${file.name}.`);
  } catch (error) {
    say(`${file.name} ${error.message}: nothing was taken.`);
  }
}

"use strict";
// The marts say how many of a factor's cuts its value reaches, so a level is a comparison of integers.
// Points = weight x share of the level, rounded half away from zero, in millionths so that no binary fraction
// decides a rank.
const data = JSON.parse(document.getElementById("data").textContent);
const services = data.services;
const $ = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const stated = data.rubric.weights ? data.rubric : null;
let rubric = structuredClone(stated);

const millionths = (number) => Math.round(number * 1e6);
const rounded = (exact) => Math.sign(exact) * Math.floor((Math.abs(exact) + 5e5) / 1e6) || 0;
const exactPoints = (factor, level) => (level === null ? 0 : millionths(rubric.weights[factor] * rubric.shares[level]));
const pointsOf = (levels) => levels.map((level, factor) => (level === null ? null : rounded(exactPoints(factor, level))));
const sum = (numbers) => numbers.reduce((total, number) => total + (number || 0), 0);
const REACHED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", WITHOUT_VALUE = ".,;:";
const [burn, mttr, blast] = ["slo_burn", "mttr", "blast_radius"].map((name) => data.factors.indexOf(name));

/** For each factor, how many cuts its value must reach for low, medium and high. */
const needed = () => rubric.thresholds.map((cuts, f) => cuts.map((cut) => (cut === null ? Infinity : rubric.cuts[f].indexOf(cut) + 1)));

/** The level (0 none to 3 high, null without data) of each factor; see level_spells.sql for the codes. */
function levelsOf(codes, reach) {
  const bent = parseInt(codes[data.factors.length], 16);
  return data.factors.map((_, f) => {
    if (codes[f] === "-") return null;
    const known = WITHOUT_VALUE.indexOf(codes[f]), reached = REACHED.indexOf(codes[f]), raise = f === blast ? (bent >> 1) & 1 : 0;
    if (known >= 0) return known;
    const [low, medium, high] = reach[f];
    const level = reached >= high ? 3 : reached >= medium ? 2 + raise : reached >= low ? 1 + raise : raise;
    return f === burn ? Math.max(level, bent >> 2) : f === mttr && bent & 1 ? Math.min(level, 2) : level;
  });
}

/** Each interval of days with the same levels, newest first: [from, to] days back, and its score. */
function stretches(service, reach) {
  const spells = service.spells;
  return spells.map(([from, codes], place) => ({
    from, to: place + 1 < spells.length ? spells[place + 1][0] + 1 : 0, score: sum(pointsOf(levelsOf(codes, reach))),
  })).reverse();
}

/** A band is entered at its minimum and left below minimum - margin, or after the most days it may be held. */
function bandOf(days) {
  const today = days[0].score;
  for (const [name, least] of rubric.bands) {
    if (today >= least) return name;
    const inside = days.find((day) => day.score >= least);
    const outside = days.find((day) => day.score < least - rubric.margin);
    if (inside && !(outside && outside.to < inside.to) && inside.to <= rubric.hold) return name;
  }
  return "close_as_hygiene";
}

function scored(service, reach) {
  const levels = levelsOf(service.spells.at(-1)[1], reach);
  const points = pointsOf(levels), exact = sum(levels.map((level, factor) => exactPoints(factor, level)));
  const days = stretches(service, reach), before = days.find((day) => day.from >= 7);
  const most = Math.max(...rubric.shares);
  const unknown = service.data.map((known, f) => (known ? [0, 0] : [rounded(millionths(rubric.weights[f] * most)), points[f] || 0]));
  const score = sum(points);
  const weight = (f) => millionths(Math.abs(rubric.weights[f])) / 1e6;
  const whole_weight = sum(rubric.weights.map((_, f) => millionths(weight(f)))) / 1e6;
  const known_weight = sum(rubric.weights.map((_, f) => (service.data[f] ? millionths(weight(f)) : 0))) / 1e6;
  return {
    service, points, exact, score, band: bandOf(days),
    delta: before ? score - before.score : null,
    lowest: score + sum(unknown.map(([most, taken]) => Math.min(most, 0) - taken)),
    highest: score + sum(unknown.map(([most, taken]) => Math.max(most, 0) - taken)),
    coverage: whole_weight > 0 ? known_weight / whole_weight : 0,
  };
}

const breakers = [burn, data.factors.indexOf("repeats"), blast];
function byRank(a, b) {
  if (a.score !== b.score) return b.score - a.score;
  if (a.exact !== b.exact) return b.exact - a.exact;
  for (const f of breakers) {
    const [x, y] = [a.service.values[f] ?? -1, b.service.values[f] ?? -1];
    if (x !== y) return y - x;
  }
  return 0;
}

/** Every candidate with rank, band and decision under the rubric that the sliders show. */
function standings() {
  const reach = needed();
  const own = services.filter((service) => !service.members.length).map((service) => scored(service, reach)).sort(byRank);
  own.forEach((row, place) => { row.rank = place && byRank(own[place - 1], row) === 0 ? own[place - 1].rank : place + 1; });
  const fixes = services.filter((service) => service.members.length).map((fix) => {
    const lead = own.filter((row) => fix.members.includes(row.service.name))
      .sort((a, b) => a.rank - b.rank || (a.service.id < b.service.id ? -1 : 1))[0];
    return lead ? { ...lead, service: fix } : scored(fix, reach);
  });
  const rows = [...own, ...fixes];
  for (const row of rows) {
    const fix = row.service.members.length ? null : fixes.find((one) => one.service.members.includes(row.service.name));
    row.missing = [...row.service.needs, ...(row.coverage < rubric.coverage ? ["coverage"] : [])];
    if (fix && row.band !== "close_as_hygiene") row.decision = "shared";
    else if (row.band === "promote_to_epic") row.decision = row.missing.length ? "blocked" : "promote";
    else row.decision = row.band === "bundle_with_existing" ? "bundle" : "close";
  }
  return rows.sort((a, b) => a.rank - b.rank || (a.service.name < b.service.name ? -1 : 1));
}

// The ranking -------------------------------------------------------------------------------------------
const body = $("#ranking tbody");
const rowOf = new Map(all("#ranking tr[data-row]").map((row) => [services[+row.dataset.row].id, row]));
const mostRows = +$("#ranking").dataset.most, asked = new Set();
let showsAll = false;
/** The row of a service; those hidden at first are created on demand. */
function rowFor(service) {
  if (!rowOf.has(service.id)) {
    const row = rowOf.values().next().value.cloneNode(true);
    row.dataset.row = services.indexOf(service);
    $("button.open", row).setAttribute("aria-expanded", "false");
    $("button.open bdi", row).textContent = service.name;
    rowOf.set(service.id, row);
  }
  return rowOf.get(service.id);
}
// Narrow screens lay the table out as a grid, so its table roles are restored for screen readers.
for (const [role, selector] of [["table", ""], ["rowgroup", " > thead, #ranking > tbody"], ["row", " tr"],
  ["columnheader", " > thead th"], ["rowheader", " > tbody th"], ["cell", " > tbody td"]])
  all(`#ranking${selector}`).forEach((one) => one.setAttribute("role", role));
const signed = (number) => (number === null ? "" : number > 0 ? `+${number}` : `${number}`);

function show() {
  const rows = standings();
  const ordered = document.createDocumentFragment();
  let hidden = 0;
  rows.forEach((now, place) => {
    const { service } = now, was = [];
    if (service.rank !== now.rank) was.push(`was ${service.rank}`);
    if (service.decision !== now.decision) was.push(data.words[service.decision]);
    const hides = !showsAll && !asked.has(service.id)
      && (place >= mostRows || (now.decision === "close" && place >= 10 && service.decision === "close"));
    if (hides) hidden += 1;
    if (hides && !rowOf.has(service.id)) return;
    const row = rowFor(service);
    $(".rank", row).textContent = now.rank;
    const score = $(".score", row);
    score.replaceChildren(element("strong", now.score));
    if (now.lowest !== now.highest) score.append(" ", element("span", `${now.lowest} to ${now.highest}`, "range"));
    $(".delta", row).textContent = signed(now.delta);
    all(".points", row).forEach((cell, factor) => { cell.textContent = now.points[factor] ?? "·"; });
    const decision = $(".decision", row);
    decision.textContent = data.words[now.decision];
    if (now.decision === "blocked") decision.append(element("small", `no ${now.missing.join(", no ").replaceAll("_", " ")}`));
    if (was.length) decision.append(element("small", was.join(", ")));
    row.className = now.decision + (was.length ? " moved" : "");
    row.hidden = hides;
    ordered.append(row);
    const detail = row.nextDetail;
    if (detail) { detail.hidden = row.hidden || $("button.open", row).getAttribute("aria-expanded") !== "true"; ordered.append(detail); }
  });
  body.append(ordered);
  all(".max").forEach((most) => { most.textContent = `(${rubric.weights[+most.dataset.max]})`; });
  $("#all").hidden = !hidden;
  const before = new Map(services.map((service) => [service.id, service]));
  const moved = rows.filter((row) => before.get(row.service.id).rank !== row.rank || before.get(row.service.id).decision !== row.decision);
  const epics = rows.filter((row) => row.decision === "promote").map((row) => row.service.name);
  const names = epics.slice(0, 12).join(", ") + (epics.length > 12 ? ` and ${epics.length - 12} more` : "");
  $("#effect").textContent = `${changed() ? `${moved.length} of ${rows.length} services move.` : "This is the rubric in force."} `
    + (epics.length ? `Would-be epics (${epics.length}): ${names}.` : "No service would become an epic.");
}

// Sliders ------------------------------------------------------------------------------------------------
const sliders = all("#sliders input[type=range]");
const cutOf = (slider) => slider.dataset.cut.split(" ").map(Number);
const usual = sliders.map((slider) => {
  const { weight, band, cut } = slider.dataset;
  return weight ? stated.weights[+weight] : band ? stated.bands[+band][1] : cut ? stated.thresholds[cutOf(slider)[0]][cutOf(slider)[1]] : stated.margin;
});
const changed = () => sliders.some((slider, place) => value(slider, place) !== usual[place]);
/** A threshold is one of its factor's cuts; everything else is in halves, except the rubric's own values. */
const value = (slider, place) => {
  if (!slider.touched) return usual[place];
  return slider.dataset.cut ? stated.cuts[cutOf(slider)[0]][+slider.value] : Math.round(slider.value * 2) / 2;
};
const isShare = (f) => /burn|radius|centrality/.test(data.factors[f]);
const formatted = (number, f) => (isShare(f) ? `${+(number * 100).toFixed(4)} %` : number.toLocaleString("en-US"));

function read(event) {
  if (event) event.target.touched = true;
  sliders.forEach((slider, place) => {
    const number = value(slider, place);
    if (slider.dataset.weight) rubric.weights[+slider.dataset.weight] = number;
    else if (slider.dataset.band) rubric.bands[+slider.dataset.band][1] = number;
    else if (slider.dataset.cut) rubric.thresholds[cutOf(slider)[0]][cutOf(slider)[1]] = number;
    else rubric.margin = number;
    const shown = slider.dataset.cut ? formatted(number, cutOf(slider)[0]) : String(number);
    $(`output[for="${slider.id}"]`).textContent = shown;
    slider.setAttribute("aria-valuetext", shown);
  });
  const flat = rubric.thresholds.findIndex((cuts) => cuts.filter((cut) => cut !== null).some((cut, place, set) => place && cut <= set[place - 1]));
  const wrong = rubric.bands[0][1] <= rubric.bands[1][1] ? "Promote must be above bundle"
    : flat >= 0 ? `The thresholds of “${data.labels[flat]}” must rise from low to high` : "";
  if (wrong) $("#effect").textContent = `${wrong}: such a rubric is not accepted.`;
  else show();
  $("#yaml").textContent = yaml();
}

function yaml() {
  const lines = ["# modernization/scoring.yaml", "weights:"];
  data.factors.forEach((factor, f) => lines.push(`  ${factor}: ${rubric.weights[f]}`));
  lines.push("bands:");
  const due = [45, 90];
  rubric.bands.forEach(([name, least, days], place) => {
    lines.push(`  ${name}:`, `    min_score: ${least}`);
    if (days !== due[place]) lines.push(`    due_in_days: ${days}`);
  });
  if (rubric.margin !== rubric.usual[0] || rubric.hold !== rubric.usual[1])
    lines.push(`hysteresis: {margin: ${rubric.margin}, hold_days: ${rubric.hold}}`);
  for (const [name, set] of Object.entries(rubric.yaml)) {
    if (typeof set !== "object") { lines.push(`${name}: ${set}`); continue; }
    lines.push(`${name}:`);
    for (const [key, cut] of Object.entries(set))
      lines.push(`  ${key}: ${cut}`);
  }
  const flow = (pairs) => `{${pairs.map(([key, set]) => `${key}: ${set}`).join(", ")}}`, names = ["low", "medium", "high"];
  const thresholds = data.factors.flatMap((factor, f) => {
    const cuts = rubric.thresholds[f], moved = cuts.some((cut, place) => cut !== (rubric.usual_thresholds[f][place] ?? null));
    const set = flow(cuts.map((cut, place) => [names[place], cut])), alerts = Object.entries(f === burn ? rubric.alerts : {});
    const parts = [...(moved ? [["budget_spent", set]] : []), ...(alerts.length ? [["alerts", flow(alerts)]] : [])];
    return parts.length ? [`  ${factor}: ${f === burn ? flow(parts) : set}`] : [];
  });
  if (thresholds.length) lines.push("thresholds:", ...thresholds);
  return lines.join("\n") + "\n";
}

async function copyText(text, place, shown) {
  shown.textContent = text;
  shown.hidden = false;
  try { await navigator.clipboard.writeText(text); place.textContent = "Copied."; }
  catch { getSelection().selectAllChildren(shown); place.textContent = "Selected below: copy it with Ctrl+C."; }
}

// A service, opened in place -------------------------------------------------------------------------------
function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}
function link(text, url) {
  const inner = element("bdi", text);
  if (!url) return inner;
  const made = element("a");
  made.href = url; made.rel = "noopener noreferrer"; made.append(inner);
  return made;
}
function table(heads, rows, label) {
  const made = element("table", undefined, "plain"), head = element("tr"), wrap = element("div", undefined, "scroll");
  heads.forEach(([text, className]) => { const th = element("th", text, className); th.scope = "col"; head.append(th); });
  made.append(element("thead")); made.tHead.append(head); made.append(element("tbody"));
  rows.forEach((cells) => {
    const row = element("tr");
    cells.forEach((cell, place) => {
      const td = element(place ? "td" : "th", undefined, heads[place][1]);
      if (!place) td.scope = "row";
      td.append(cell); row.append(td);
    });
    made.tBodies[0].append(row);
  });
  wrap.append(made); wrap.tabIndex = 0; wrap.setAttribute("role", "region"); wrap.setAttribute("aria-label", label);
  return wrap;
}
function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, set]) => made.setAttribute(key, set));
  made.append(...children);
  return made;
}
function history(service, now) {
  const [low, high] = data.scale, at = (score) => ((high - score) * 100) / (high - low);
  const chart = svg("svg", { viewBox: "-26 -6 326 118", class: "chart", role: "img",
    "aria-label": `Score of ${service.name} over 90 days, now ${service.line ? now.score : "unknown"}` });
  for (const [name, least] of stated.bands) {
    chart.append(svg("line", { class: "band", x1: 0, x2: 300, y1: at(least), y2: at(least) }),
      svg("text", { x: -3, y: at(least) + 3, "text-anchor": "end" }, String(least)));
  }
  const scaled = svg("g", { transform: `scale(${300 / 90} 1)` }, svg("path", { class: "line", d: service.line }));
  chart.append(scaled, svg("text", { x: 0, y: 110 }, "90 days ago"), svg("text", { x: 300, y: 110, "text-anchor": "end" }, data.day));
  return chart;
}
function detailOf(service) {
  const now = standings().find((row) => row.service === service), box = element("div");
  const number = (value, f) => (value === null ? "unknown" : isShare(f) ? `${Math.round(value * 100)} %` : (Math.round(value * 100) / 100).toLocaleString("en-US"));
  const factors = data.factors.map((_, f) => f).sort((a, b) => Math.abs(now.points[b] ?? 0) - Math.abs(now.points[a] ?? 0) || a - b);
  box.append(element("h3", "Points and their evidence"), table(
    [["Factor"], ["Points", "num"], ["Value", "num"], ["Evidence"]],
    factors.map((f) => [data.labels[f], `${now.points[f] ?? "·"} of ${rubric.weights[f]}`, String(number(service.values[f], f)), element("bdi", service.evidence[f])]), "Factors"));
  const two = element("div", undefined, "two"), left = element("div"), right = element("div");
  left.append(element("h3", "Score over 90 days"), history(service, now));
  right.append(element("h3", "Error budget"));
  if (service.budgets.length) right.append(table([["SLO"], ["Objective", "num"], ["Budget spent", "num"]],
    service.budgets.map(([name, objective, spent]) => [element("bdi", name), objective === null ? "unknown" : `${Math.round(objective * 1e5) / 1e3} %`, spent === null ? "unknown" : `${Math.round(spent * 100)} %`]), "Error budget"));
  else right.append(element("p", "No SLO of this service is measured, so its budget is unknown.", "none"));
  if (service.chart) right.append(link("SLO chart", service.chart));
  for (const [place, lines] of service.more.entries()) {
    const [title, none] = data.more[place];
    right.append(element("h3", title));
    if (!lines.length) { right.append(element("p", none, "none")); continue; }
    const list = element("ul");
    lines.forEach((line) => { const item = element("li"); item.append(element("bdi", line)); list.append(item); });
    right.append(list);
  }
  two.append(left, right);
  box.append(two, element("h3", `Incidents (${service.count ?? 0} counted)`));
  if (service.incidents.length) box.append(table(
    [["Date", "nowrap"], ["Severity", "nowrap"], ["Minutes", "num"], ["Incident"], ["Notes"]],
    service.incidents.map(([day, severity, minutes, title, address, name, repeat, reviewed]) => [day, severity ? `sev ${severity}` : "unknown", minutes === null ? "unknown" : String(minutes), link(title, data.addresses[address] + name), [repeat && "repeat", reviewed && "reviewed"].filter(Boolean).join(", ")]), "Incidents"));
  else box.append(element("p", "No incident in the rubric's window.", "none"));
  return box;
}
function toggle(row, open) {
  const button = $("button.open", row);
  const opens = open ?? button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(opens));
  row.nextDetail?.remove();
  row.nextDetail = null;
  if (!opens) return;
  const detail = element("tr", undefined, "detail"), cell = element("td");
  detail.setAttribute("role", "row"); cell.setAttribute("role", "cell"); cell.colSpan = row.cells.length;
  cell.append(detailOf(services[+row.dataset.row]));
  detail.append(cell); row.after(detail); row.nextDetail = detail;
}
function showService(id) {
  const service = services.find((one) => one.id === id);
  if (!service) return;
  const row = rowFor(service);
  asked.add(id);
  if (!row.isConnected || row.hidden) show();
  toggle(row, true);
  $("button.open", row).focus();
  row.scrollIntoView({ block: "start" });
}

document.addEventListener("click", (event) => {
  const shown = event.target.closest("[data-show]"), button = event.target.closest("button");
  if (shown) { event.preventDefault(); showService(shown.dataset.show); }
  if (!button) return;
  if (button.classList.contains("open")) toggle(button.closest("tr"));
  else if (button.id === "all") { showsAll = true; show(); }
  else if (button.id === "copy-yaml") copyText(yaml(), $("#copied"), $("#yaml"));
});
if (rubric && body) {
  sliders.forEach((slider) => slider.addEventListener("input", read));
  $("#sliders").addEventListener("reset", () => setTimeout(() => {
    sliders.forEach((slider) => { slider.touched = false; });
    rubric = structuredClone(stated); read();
  }));
  $("#sliders").addEventListener("submit", (event) => event.preventDefault());
}
// Decisions, where `paydown review` serves the page ---------------------------------------------------------
const form = $("#decide-form");
if (form) {
  const field = (name) => form.elements[name];
  const follow = () => {
    const decision = field("decision").value, isNo = decision === "close" || decision === "defer";
    all("[data-for]", form).forEach((part) => { part.hidden = !part.dataset.for.split(" ").includes(decision); });
    field("reason").required = isNo;
    field("until").required = decision === "defer";
    const service = services.find((one) => one.name === field("service").value);
    $("#price").textContent = service ? service.price : "";
  };
  form.addEventListener("input", follow);
  document.addEventListener("click", (event) => {
    const id = event.target.closest("button")?.dataset.decide;
    if (!id) return;
    field("service").value = services.find((one) => one.id === id).name;
    follow();
    field("decision").focus();
    form.scrollIntoView({ block: "center" });
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(all("[name]", form).filter((one) => !one.closest("[hidden]")).map((one) => [one.name, one.value.trim()]));
    const place = $("#recorded");
    place.className = "";
    try {
      const answer = await fetch("/decisions", { method: "POST", body: JSON.stringify(given),
        headers: { "Content-Type": "application/json", "X-Paydown-Token": data.review.token } });
      const result = await answer.json();
      if (answer.ok) {
        const { service, decision, until, decided_on: day } = result.decision;
        place.textContent = `Recorded: ${service}, ${data.words[decision]}${until ? ` until ${until}` : ""}.`
          + (result.branch ? ` Committed on the branch ${result.branch}.` : "");
        const item = element("li"); item.append(`${day}: `, element("bdi", service), `, ${data.words[decision]}`);
        $("#decided").prepend(item);
        for (const name of ["service", "owner", "due", "until", "reason"]) field(name).value = "";
        follow(); field("service").focus();
      } else { place.className = "bad"; place.textContent = result.problems.join(" "); }
    } catch { place.className = "bad"; place.textContent = "Not recorded: paydown review is no longer running."; }
  });
  follow();
}
// For tests and for checking by hand: standings under any rubric of the page's form.
window.paydown = { standings, yaml, set: (change) => { Object.assign(rubric, change); show(); }, rubric: () => rubric };

"use strict";
// Everything here is an addition: without it the page shows the whole table, worst first, and still pictures.
document.addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement;
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];

  // Sorting: numbers by their value, absent ones last, equal ones in the order they came in.
  for (const head of table.tHead.querySelectorAll("th[data-key]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => sort(head));
  }

  function sort(head) {
    const key = head.dataset.key;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.sort((one, other) => {
      const a = one.dataset[key], b = other.dataset[key];
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return sign * (key === "name" ? a.localeCompare(b) : Number(a) - Number(b));
    });
    body.append(...rows);
  }

  // Filtering, of the table and of the sections below it alike.
  const form = document.getElementById("filters");
  const wanted = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);

  function filter() {
    const text = wanted.value.toLowerCase();
    const statuses = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const row of rows) {
      const kept = statuses.has(row.dataset.status) && row.dataset.name.toLowerCase().includes(text);
      row.hidden = !kept;
      document.getElementById("b" + row.dataset.order).hidden = !kept;
      count += kept;
    }
    shown.textContent = count === rows.length ? "" : `${count} of ${rows.length} shown`;
  }

  // Light and dark: the system's choice until somebody chooses; where nothing can be remembered, for this visit.
  const theme = document.getElementById("theme");
  theme.hidden = false;
  try { if (localStorage.theme) root.dataset.theme = localStorage.theme; } catch { /* not remembered */ }
  theme.addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    try { localStorage.theme = root.dataset.theme; } catch { /* not remembered */ }
    for (const chart of document.querySelectorAll(".chart.drawn")) draw(chart);
  });

  // A link into a section opens it.
  function open() {
    const section = location.hash.startsWith("#b") && document.getElementById(location.hash.slice(1));
    if (section) { section.open = true; section.scrollIntoView(); }
  }
  addEventListener("hashchange", open);

  // Charts, drawn when their section is opened and comes into view: a thousand at once would take minutes.
  const data = JSON.parse(document.getElementById("data").textContent);
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !entry.target.classList.contains("drawn")) draw(entry.target);
    }
  }, { rootMargin: "200px" });
  if (window.Plotly) for (const chart of document.querySelectorAll(".chart")) seen.observe(chart);
  open();

  function draw(chart) {
    const colours = getComputedStyle(root);
    const colour = (name) => resolve(colours.getPropertyValue("--" + name));
    const benchmark = data[Number(chart.closest("details").dataset.number)];
    const traces = chart.dataset.kind === "trend" ? trend(benchmark, colour) : samples(benchmark, colour);
    const layout = {
      height: chart.dataset.kind === "trend" ? 260 : 200,
      margin: { l: 70, r: 20, t: 24, b: 40 },
      paper_bgcolor: "transparent",
      plot_bgcolor: "transparent",
      font: { color: colour("soft"), family: "system-ui, sans-serif", size: 12 },
      showlegend: false,
      hovermode: "closest",
      ...traces.layout,
    };
    chart.replaceChildren();
    chart.classList.add("drawn");
    Plotly.newPlot(chart, traces.data, layout, { displayModeBar: false, responsive: true });
  }

  // light-dark() has to be resolved by an element; Plotly understands plain colours only.
  function resolve(value) {
    const probe = document.createElement("span");
    probe.style.color = value;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  // Times come in milliseconds, and are drawn in the unit that reads best.
  function unitOf(values) {
    const largest = Math.max(...values);
    const units = [["ns", 1e6], ["us", 1e3], ["ms", 1], ["s", 1e-3]];
    const [name, factor] = units.find(([, scale]) => largest * scale < 1000) || units[3];
    return { name, scaled: (value) => value * factor };
  }

  function trend(benchmark, colour) {
    const { points, shifts } = benchmark.trend;
    const x = points.map((point) => point.date);
    const unit = unitOf(points.map((point) => point.q25_ms));
    const y = points.map((point) => unit.scaled(point.q25_ms));
    const bound = (name) => points.map((point) => unit.scaled(point[name] ?? point.q25_ms));
    const label = points.map((point) =>
      [point.commit ? point.commit.slice(0, 12) : "not committed", point.reason || ""].filter(Boolean).join("<br>")
        .replaceAll("<", "&lt;").replaceAll("&lt;br>", "<br>"));
    const line = (y, name, dash, shade) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: shade, width: 1, dash },
      label: { text: name, textposition: "end", font: { size: 11, color: shade }, yanchor: "bottom" },
    });
    const shapes = shifts.map((shift) => ({
      type: "line", yref: "paper", y0: 0, y1: 1, x0: x[shift.at], x1: x[shift.at],
      line: { color: colour("bad"), width: 1, dash: "dash" },
      label: { text: `${shift.change_percent > 0 ? "+" : ""}${shift.change_percent.toFixed(1)} %`, textposition: "end",
        textangle: 0, font: { size: 11, color: colour("bad") }, xanchor: "left" },
    }));
    if (benchmark.baseline) shapes.push(line(unit.scaled(benchmark.baseline), "baseline", "dot", colour("soft")));
    // A target far above everything would press the rest into a line.
    if (benchmark.target && unit.scaled(benchmark.target) < 3 * Math.max(...y)) {
      shapes.push(line(unit.scaled(benchmark.target), `target (${benchmark.target_name})`, "dash", colour("warn")));
    }
    const accepted = points.map((point, at) => (point.reason ? at : -1)).filter((at) => at >= 0);
    return {
      data: [
        { x, y: bound("low_ms"), mode: "lines", line: { width: 0 }, hoverinfo: "skip" },
        { x, y: bound("high_ms"), mode: "lines", line: { width: 0 },
          fill: "tonexty", fillcolor: colour("band"), hoverinfo: "skip" },
        { x, y, mode: "lines+markers", text: label,
          line: { color: colour("link"), width: 2 }, hovertemplate: `%{y:.5g} ${unit.name}<br>%{x|%Y-%m-%d}<br>%{text}<extra></extra>` },
        { x: accepted.map((at) => x[at]), y: accepted.map((at) => y[at]), mode: "markers", hoverinfo: "skip",
          marker: { symbol: "diamond-open", size: 13, color: colour("warn"), line: { width: 2 } } },
      ],
      layout: {
        shapes,
        xaxis: { type: "date", gridcolor: colour("edge"), linecolor: colour("edge") },
        yaxis: { title: { text: unit.name }, gridcolor: colour("edge"), zeroline: false },
      },
    };
  }

  function samples(benchmark, colour) {
    const unit = unitOf([...benchmark.samples, ...benchmark.baseline_samples]);
    const strip = (values, name, shade) => ({
      x: values.map(unit.scaled), y: values.map(() => name), name, type: "box", orientation: "h", boxpoints: "all", jitter: 0.6, pointpos: 0,
      line: { color: shade, width: 1 }, marker: { color: shade, size: 6 }, fillcolor: "transparent",
      hovertemplate: `%{x:.5g} ${unit.name}<extra></extra>`,
    });
    return {
      data: [
        strip(benchmark.samples, "current", colour("link")),
        strip(benchmark.baseline_samples, "baseline", colour("soft")),
      ].filter((trace) => trace.x.length),
      layout: {
        xaxis: { title: { text: unit.name }, gridcolor: colour("edge"), zeroline: false },
        yaxis: { automargin: true },
      },
    };
  }
});

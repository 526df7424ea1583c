// Draws every figure into its place; knows nothing of what they show.
"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const font = { family: "system-ui, 'Segoe UI', sans-serif", size: 12, color: "#1f2430" };
const margin = { t: 8, r: 12, b: 8, l: 8 };

function fitted(figure, width) {
  const [trace] = figure.data, layout = { ...figure.layout }, small = { ...trace };
  if (trace.type === "heatmap") {
    const n = trace.z.length, narrow = width < 500 && n > 12;
    const names = layout.yaxis.ticktext.map((name) => narrow && name.length > 16 ? name.slice(0, 15) + "…" : name);
    const cell = 0.75 * width / n, size = Math.min(12, Math.max(7, 0.8 * cell));
    if (cell < 17) small.texttemplate = "";
    small.textfont = { size: Math.min(12, Math.max(8, 0.45 * cell)) };
    const quiet = { tickfont: { ...font, size }, showgrid: false, zeroline: false, ticks: "outside", ticklen: 4,
      tickcolor: "rgba(0,0,0,0)", showticklabels: cell >= 5 };
    layout.yaxis = { ...layout.yaxis, ...quiet, ticktext: names };
    layout.xaxis = { ...layout.xaxis, ...quiet, showticklabels: cell >= 5 && !narrow };
  }
  if (trace.type === "sunburst") layout.uniformtext = { minsize: 8, mode: "hide" };
  return [[small, ...figure.data.slice(1)], layout];
}

function draw(id) {
  const place = document.getElementById(id);
  const [data, own] = fitted(figures[id], place.clientWidth);
  const layout = { margin, font, autosize: true, dragmode: false, hovermode: "closest", paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)", ...own, hoverlabel: { align: "left", font } };
  for (const axis of ["xaxis", "yaxis"])
    if (layout[axis]) layout[axis] = { automargin: true, fixedrange: true, ...layout[axis] };
  Plotly.react(place, data, layout, { displayModeBar: false, responsive: false });
}

function drawAll() {
  Object.keys(figures).forEach(draw);
}

let width = window.innerWidth, waiting = 0;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(drawAll, 150);
});
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
window.matchMedia("print").addEventListener("change", drawAll);
drawAll();

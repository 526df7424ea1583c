// The explorer: asks the server's own routes, and shows what they say. Whatever comes from outside goes into the page
// as text, never as markup.
"use strict";

const PAUSE = 300; // milliseconds without a key before anything is asked
const SHOWN = 50; // customers that are asked at a time
const LEAST = 0.005; // nodes less probable, and words of less effect than this are left out
const element = (id) => document.getElementById(id);
const state = { map: null, customer: null, why: null, yaml: 0, text: 0 };

function made(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function later(action) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, PAUSE);
  };
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)} %`;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("the server does not answer");
  }
  const answer = await response.json().catch(() => ({ detail: response.statusText }));
  if (response.ok) return answer;
  const problems = (answer.problems || []).map((one) => one.message);
  throw Object.assign(new Error([answer.detail, ...problems].join("; ")), { status: response.status });
}

function predict(body) {
  return ask("predict", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function attempt(action) {
  try {
    await action();
    element("error").textContent = "";
  } catch (error) {
    const isMissing = error.status === 401 && !sessionStorage.getItem("token");
    element("error").textContent = isMissing ? "this server asks for a token: type it above" : error.message;
    if (isMissing) element("token").focus();
  }
}

async function load() {
  state.map = null;
  const map = await ask("taxonomy");
  state.map = map;
  const whole = map.levels.length > 0;
  element("name").textContent = map.name || map.customers.map((one) => one.name).join(", ");
  element("topics-section").hidden = element("add-section").hidden = !whole;
  element("filter-row").hidden = map.customers.length <= SHOWN;
  state.below = whole ? topicsBelow(map) : new Map();
  await classify();
}

function topicsBelow(map) {
  const below = new Map();
  for (const node of [...map.nodes].reverse()) {
    const own = node.kind === "topic" ? [node.name] : node.children.flatMap((child) => [...below.get(child)]);
    below.set(node.name, new Set(own));
  }
  return below;
}

function shownCustomers() {
  const wanted = element("filter").value.trim().toLowerCase();
  const found = state.map.customers.map((one) => one.name).filter((name) => name.toLowerCase().includes(wanted));
  element("more").textContent = found.length > SHOWN ? `${found.length - SHOWN} more customers are not shown` : "";
  return found.slice(0, SHOWN);
}

async function classify() {
  const text = element("text").value;
  const turn = ++state.text;
  if (!state.map || !text.trim()) {
    clear();
    return;
  }
  const level = state.map.levels.at(-1);
  const customers = shownCustomers();
  const topics = level === undefined ? null : await predict({ documents: [text], at: [level], top_k: 1000 });
  const named = customers.length ? await predict({ documents: [text], at: customers }) : null;
  if (turn !== state.text) return; // the text has changed meanwhile
  if (topics) showTopics(topics.documents[0].answers[0]);
  const answers = named ? named.documents[0].answers : [];
  showCustomers(answers);
  const likeliest = topics ? topics.documents[0].answers[0] : answers[0];
  if (likeliest) element("status").textContent = `Likeliest: ${likeliest.top[0].name}, ${percent(likeliest.top[0].probability)}`;
  if (customers.includes(state.customer)) await explain(state.customer, false);
  else element("why-section").hidden = true;
}

function clear() {
  element("status").textContent = "";
  element("why-section").hidden = true;
  for (const part of [element("topics"), element("customers"), element("why-text"), element("why-words").tBodies[0]]) {
    part.replaceChildren();
  }
}

function showTopics(answer) {
  const probabilities = new Map(answer.top.map((one) => [one.name, one.probability]));
  const children = new Map(state.map.nodes.map((node) => [node.name, node.children]));
  const about = new Map(state.map.nodes.map((node) => [node.name, node.about]));
  const mass = (name) => [...state.below.get(name)].reduce((sum, topic) => sum + (probabilities.get(topic) || 0), 0);
  const list = (names) => {
    const items = made("ul");
    const known = names.map((name) => [name, Math.min(1, mass(name))]).filter(([, part]) => part >= LEAST);
    for (const [name, part] of known.sort((one, other) => other[1] - one[1])) {
      const item = made("li");
      item.append(row(name, part, about.get(name), answer.labels.includes(name)));
      if (children.get(name).length) item.append(list(children.get(name)));
      items.append(item);
    }
    return items;
  };
  element("topics").replaceChildren(list(state.map.roots));
}

function row(name, part, about, isLikeliest) {
  const line = made("div", undefined, { class: isLikeliest ? "node likeliest" : "node" });
  const bar = made("div", undefined, { class: "bar", "aria-hidden": "true" });
  bar.append(made("span"));
  bar.firstChild.style.width = percent(part).replace(" ", "");
  line.append(made("span", name, about ? { title: about } : {}), bar, made("span", percent(part), { class: "number" }));
  return line;
}

function showCustomers(answers) {
  const rows = answers.map((answer) => {
    const line = made("tr");
    const cell = made("td");
    const button = made("button", "Why?", { class: "plain", type: "button", "aria-label": `Why, for ${answer.at}?` });
    button.addEventListener("click", () => attempt(() => explain(answer.at, true)));
    cell.append(button);
    const labels = answer.labels.join(", ") || "none";
    line.append(made("th", answer.at, { scope: "row" }), made("td", labels), made("td", percent(answer.top[0].probability), { class: "number" }), cell);
    return line;
  });
  element("customers").replaceChildren(...rows);
}

async function explain(customer, moves) {
  const text = element("text").value;
  const turn = state.text;
  state.customer = customer;
  const found = await predict({ documents: [text], at: [customer], explain: true });
  if (turn !== state.text || state.customer !== customer) return;
  const why = found.documents[0].answers[0].why;
  const topics = why.topics.slice(0, 5).map((one) => `${one.topic} ${percent(one.share)}`);
  element("why-title").textContent = `Why ${why.name}, for ${customer}`;
  const untried = why.n_words - why.words.length;
  const said = [topics.length ? `Its topics: ${topics.join(", ")}.` : "", untried > 0 ? `The last ${untried} words were not tried.` : ""];
  element("why-said").textContent = said.join(" ").trim();
  const largest = Math.max(...why.words.map((one) => Math.abs(one.effect)), 1e-9);
  element("why-text").replaceChildren(...marked(text, why.words, largest));
  const lines = why.words.filter((one) => Math.abs(one.effect) >= LEAST).slice(0, 12).map((one) => {
    const line = made("tr");
    const effect = `${one.effect < 0 ? "−" : "+"}${Math.abs(one.effect).toFixed(2)}`;
    line.append(made("th", one.word, { scope: "row" }), made("td", effect, { class: "number" }));
    return line;
  });
  element("why-words").tBodies[0].replaceChildren(...lines);
  element("why-section").hidden = false;
  if (moves) element("why-section").focus();
}

function marked(text, words, largest) {
  const letters = Array.from(text); // places are counted in code points
  const spans = words.flatMap((one) => one.spans.map(([start, end]) => [start, end, one.effect]));
  const pieces = [];
  let place = 0;
  for (const [start, end, effect] of spans.sort((one, other) => one[0] - other[0])) {
    pieces.push(document.createTextNode(letters.slice(place, start).join("")));
    const mark = made("mark", letters.slice(start, end).join(""), effect < 0 ? { class: "against" } : {});
    mark.style.setProperty("--strength", (0.45 * Math.abs(effect) / largest).toFixed(2));
    pieces.push(mark);
    place = end;
  }
  pieces.push(document.createTextNode(letters.slice(place).join("")));
  return pieces;
}

function yaml(path) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/yaml" }, body: element("yaml").value });
}

async function check() {
  const turn = ++state.yaml;
  const area = element("yaml");
  element("apply").disabled = true;
  element("replace-row").hidden = true;
  if (!area.value.trim()) {
    element("problems").replaceChildren();
    area.removeAttribute("aria-invalid");
    return;
  }
  const found = await yaml("customers/check");
  if (turn !== state.yaml) return;
  area.setAttribute("aria-invalid", String(found.problems.length > 0));
  if (found.problems.length) {
    showProblems(found.problems);
    return;
  }
  const said = made("p", `${found.customer}: ${found.classes.length} classes. ${found.identifiability}`);
  element("problems").replaceChildren(said);
  element("replace-row").hidden = !found.replaces;
  element("apply").disabled = false;
}

function showProblems(problems) {
  const list = made("ul");
  for (const one of problems) {
    const item = made("li");
    if (one.line) {
      const button = made("button", `line ${one.line}`, { class: "plain", type: "button" });
      button.addEventListener("click", () => select(one.line));
      item.append(button, " ");
    }
    item.append(made("span", one.hint ? `${one.message}; ${one.hint}` : one.message, { class: "wrong" }));
    list.append(item);
  }
  element("problems").replaceChildren(list);
}

function select(line) {
  const lines = element("yaml").value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  element("yaml").focus();
  element("yaml").setSelectionRange(start, start + (lines[line - 1] || "").length);
}

async function apply() {
  const replaces = !element("replace-row").hidden && element("replace").checked;
  const added = await yaml(`customers?replace=${replaces}`);
  state.customer = added.customer;
  element("problems").replaceChildren(made("p", `${added.customer} is answered from now on.`));
  element("apply").disabled = true;
  await load();
}

element("text").addEventListener("input", later(() => attempt(classify)));
element("filter").addEventListener("input", later(() => attempt(classify)));
element("yaml").addEventListener("input", later(() => attempt(check)));
element("apply").addEventListener("click", () => attempt(apply));
element("file").addEventListener("change", async () => {
  const [file] = element("file").files;
  if (!file) return;
  element("yaml").value = await file.text();
  await attempt(check);
});
element("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", element("token").value.trim());
  element("token").value = "";
  state.customer = null;
  clear(); // another token may see less
  element("problems").replaceChildren();
  attempt(load);
});
attempt(load);

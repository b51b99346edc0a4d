/** How long a picture may stay unchanged before the page offers to try again, in milliseconds. */
const STALLED = 15_000;

/** How long to wait before the next connection at first, and at most, in milliseconds. */
const FIRST_RETRY = 250;
const LAST_RETRY = 8_000;

/** How many pictures are uploaded at the same time. */
const UPLOADS = 3;

const REASONS = { 413: "it has more than 25 MB", 415: "it is not a picture" };

/** The pictures by id: what the server says, the card, and when it last changed on this page. */
const pictures = new Map();
const queue = [];
let uploads = 0;

const find = (selector, parent = document) => parent.querySelector(selector);
const gallery = find("#gallery");

connect();
setInterval(markStalled, 1_000);

// Changes, as long as the page is open. After a reconnection, the server sends the list again.

function connect(delay = FIRST_RETRY) {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
  socket.onopen = () => {
    delay = FIRST_RETRY;
    setConnection("live", `Live on ${location.host}`);
  };
  socket.onmessage = ({ data }) => {
    JSON.parse(data).forEach(show);
    summarize();
  };
  socket.onclose = () => {
    setConnection("lost", "Reconnecting …");
    setTimeout(connect, delay, Math.min(2 * delay, LAST_RETRY));
  };
}

function setConnection(state, text) {
  document.body.dataset.connection = state;
  find("#connection span:last-child").textContent = text;
}

// Pictures

function show(picture) {
  const known = pictures.get(picture.id);
  if (known && known.changed >= picture.changed) return;
  const card = known?.card ?? addCard(picture);
  pictures.set(picture.id, { ...picture, card, seen: performance.now() });
  if (picture.width) setShape(card, picture);
  setState(card, picture.state, describe(picture));
  find("progress", card).value = picture.progress;
  if (picture.state === "done") showThumbnail(card, picture);
}

function addCard({ id, name }) {
  const card = find("#card").content.cloneNode(true).firstElementChild;
  card.dataset.id = id;
  find(".name", card).textContent = name || "Untitled";
  find("progress", card).ariaLabel = `Progress of ${name}`;
  find(".open", card).ariaLabel = `Open ${name}`;
  find(".open", card).onclick = () => open(pictures.get(id));
  find(".retry", card).onclick = () => fetch(`/pictures/${id}`, { method: "POST" });
  // The ids are in order of time: the newest picture comes first.
  gallery.insertBefore(card, [...gallery.children].find((other) => other.dataset.id < id));
  return card;
}

function setState(card, state, note) {
  card.dataset.state = state;
  find(".note", card).textContent = note;
}

function setShape(card, { width, height, color }) {
  card.style.setProperty("--ratio", Math.min(Math.max(width / height, 0.66), 2.2));
  card.style.setProperty("--color", color);
}

function showThumbnail(card, { id, name, changed }) {
  const image = find("img", card);
  image.onload = () => {
    find(".open", card).disabled = false;
    card.classList.add("shown");
  };
  image.alt = name;
  image.src = `/pictures/${id}/thumbnail.webp?${changed}`;
}

function describe({ state, worker, width, height }) {
  if (state === "waiting") return "Waiting for a worker";
  if (state === "working") return `In progress, worker ${worker}`;
  if (state === "failed") return "This picture cannot be read";
  return `${width} × ${height}, worker ${worker}`;
}

/** An event is delivered at most once: if its worker crashes, no other worker receives it. */
function markStalled() {
  const limit = performance.now() - STALLED;
  const isMoving = [...pictures.values()].some(({ seen }) => seen > limit);
  for (const { card, state, seen } of pictures.values()) {
    if (seen > limit || state === "done" || state === "failed") continue;
    if (state === "working" || !isMoving) {
      setState(card, "stalled", "No progress");
    }
  }
}

function summarize() {
  const open = [...pictures.values()].filter(({ state }) => /waiting|working/.test(state)).length;
  const parts = [];
  if (pictures.size > 0) parts.push(`${pictures.size} picture${pictures.size > 1 ? "s" : ""}`);
  if (open > 0) parts.push(`${open} in progress`);
  if (uploads + queue.length > 0) parts.push(`${uploads + queue.length} uploading`);
  find("#summary").textContent = parts.join(" · ");
  find("#empty").hidden = pictures.size + uploads > 0;
}

function open({ id, name, width, height, changed }) {
  const dialog = find("#preview");
  Object.assign(find("img", dialog), { src: `/pictures/${id}/preview.webp?${changed}`, alt: name });
  find("p", dialog).textContent = `${name} · ${width} × ${height}`;
  dialog.showModal();
}

// Uploads

function add(files) {
  queue.push(...files);
  while (uploads < UPLOADS && queue.length > 0) uploadNext();
  summarize();
}

async function uploadNext() {
  const file = queue.shift();
  uploads++;
  const reason = await upload(file).catch(() => "the server cannot be reached");
  uploads--;
  if (reason) notice(`${file.name} was not added: ${reason}`);
  add([]);
}

/** Uploads a file, and returns why it was rejected, if it was. */
async function upload(file) {
  if (file.size > 25 * 1024 * 1024) return REASONS[413];
  const url = `/pictures?name=${encodeURIComponent(file.name)}`;
  const { ok, status } = await fetch(url, { method: "POST", body: file });
  if (ok) return;
  if (status !== 503) return REASONS[status] ?? `the server responded with ${status}`;
  // The channel is full: the workers cannot keep up.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return upload(file);
}

function notice(text) {
  const item = document.createElement("li");
  item.textContent = text;
  find("#notices").append(item);
  setTimeout(() => item.remove(), 8_000);
}

find("#files").onchange = ({ target }) => {
  add(target.files);
  target.value = "";
};
addEventListener("paste", ({ clipboardData }) => add(clipboardData.files));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  add(event.dataTransfer.files);
});

// What both chats have: messages that stay at the newest, day lines, a text box, and a menu of other things to send.
import { act } from "./api.js";
import { copy, h, icon, reconcile, unseen } from "./dom.js";

const NEAR_BOTTOM_PIXELS = 80;
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

const TICKS = {
  sent: ["tick", "Sent"],
  delivered: ["ticks", "Delivered"],
  read: ["ticks", "Read"],
  failed: ["failed", "Not delivered"],
};

/**
 * One chat in `root`, whose messages `draw` makes into list items; `send` takes the words that were typed and answers
 * whether they went. `body` is what each act of this chat says beside its own.
 */
export function thread(root, { body, draw, send, changed = () => {} }) {
  const find = (selector) => root.querySelector(selector);
  const [scroller, list, newest, text, menu] = [".scroller", ".messages", ".newest", "textarea", ".attachments"].map(find);
  let person = 0;

  const nearBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM_PIXELS;
  const toNewest = () => (scroller.scrollTop = scroller.scrollHeight);
  const drawNewest = () => (newest.hidden = nearBottom());

  /** Messages with `ticks`, which turn in place: a bubble somebody is reading is not drawn again for them. */
  function show(owner, messages) {
    const moved = person !== owner;
    person = owner;
    const follow = moved || nearBottom();
    const before = list.lastElementChild?.dataset.key;
    reconcile(list, rows(messages), (row) => `${person}:${row.key}`, (row) => (row.day ? dayLine(row.day) : draw(row.message)));
    for (const { id, ticks } of messages) turn(list.querySelector(`[data-key="${CSS.escape(`${person}:${id}`)}"]`), ticks);
    const grew = list.lastElementChild?.dataset.key !== before;
    if (follow || (grew && !messages.at(-1)?.from_bot)) toNewest();
    drawNewest();
  }

  function fit() {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
    root.classList.toggle("filled", text.value.trim() !== "");
  }

  /** Put words into the text box for the person to look at and send. */
  function write(words) {
    text.value = words;
    changed();
    fit();
    text.focus();
  }

  async function submit() {
    const words = text.value.trim();
    if (!words) return;
    text.value = "";
    fit();
    if (!(await send(words))) write(words);
  }

  function bind() {
    find(".composer").addEventListener("submit", (event) => (event.preventDefault(), submit()));
    text.addEventListener("input", fit);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) (event.preventDefault(), submit());
    });
    for (const kind of ["click", "keydown"]) list.addEventListener(kind, copyable);
    scroller.addEventListener("scroll", drawNewest);
    new ResizeObserver(() => newest.hidden && toNewest()).observe(scroller);
    newest.addEventListener("click", toNewest);
    find(".write").addEventListener("click", ({ target }) => {
      const kind = target.closest("[data-kind]")?.dataset.kind;
      if (kind) act("other", { ...body(), kind });
    });
    document.addEventListener("click", ({ target }) => menu.contains(target.closest("summary")) || (menu.open = false));
    document.addEventListener("keydown", (event) => event.key === "Escape" && (menu.open = false));
  }

  return { bind, show, write, text, list, scroller };
}

/** Messages as rows, with a line where the day changes. */
function rows(messages) {
  const made = [];
  let today = "";
  for (const { ticks, ...message } of messages) {
    const day = DAY.format(new Date(message.at));
    if (day !== today) made.push({ key: `day-${day}`, day });
    today = day;
    made.push({ key: message.id, message });
  }
  return made;
}

const dayLine = (day) => h("li", { className: "day-line" }, h("span", {}, day === DAY.format(new Date()) ? "Today" : day));

/** The time of a message, and the place of its ticks, which turn without being read out. */
export function meta(message, ...before) {
  const time = h("time", { dateTime: message.at }, TIME.format(new Date(message.at)));
  return h("span", { className: "meta" }, ...before, time, h("span", { className: "ticks", ariaLive: "off" }));
}

function turn(item, ticks) {
  const place = item.querySelector(".ticks");
  if (place.dataset.ticks === ticks) return;
  place.dataset.ticks = ticks;
  const lost = ticks === "failed"; // it never reached the phone, so nothing on it can be pressed
  item.classList.toggle("lost", lost);
  for (const button of item.querySelectorAll("button")) button.disabled = lost;
  const [name, words] = TICKS[ticks] ?? [];
  place.replaceChildren(...(name ? [icon(name, "icon tick"), unseen(words)] : []));
}

function copyable(event) {
  const code = event.target.closest("code");
  if (!code || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  copy(code.textContent);
}

/** A button that asks the sandbox for something and pulses until it is done. */
export function pressed(button, what, body) {
  button.addEventListener("click", async () => {
    button.classList.add("busy");
    await act(what, body());
    button.classList.remove("busy");
  });
  return button;
}

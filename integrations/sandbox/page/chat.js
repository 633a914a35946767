// The Telegram phone: draws the chat, and does what a thumb would do in it.
import { act } from "./api.js";
import { byId, copy, fromBotHtml, h, icon, reconcile } from "./dom.js";

const NEAR_BOTTOM_PIXELS = 80;
const TYPING_SECONDS = 6;
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

// What the sandbox writes for messages that are not text.
const OTHERS = {
  "[contact]": "Phone number shared",
  "[photo]": "Photo",
  "[voice]": "Voice note",
  "[sticker]": "Sticker",
  "[location]": "Location",
};

const [scroller, list, text] = ["scroller", "messages", "text"].map(byId);
let person = 0;
let typingTimer = 0;

export function drawChat(state) {
  const chat = state.chat;
  const moved = person !== chat.person;
  person = chat.person;
  const follow = moved || nearBottom();
  const before = list.lastElementChild?.dataset.key;
  reconcile(list, rows(chat.messages), (row) => `${person}:${row.key}`, draw);
  byId("welcome").hidden = chat.messages.length > 0;
  drawComposer();
  drawReplyKeyboard(chat);
  drawTyping(chat.typing);
  const grew = list.lastElementChild?.dataset.key !== before;
  if (follow || (grew && !chat.messages.at(-1).from_bot)) toNewest();
  drawNewest();
}

/** Messages as rows, with a line where the day changes, and whether an own message was answered since. */
function rows(messages) {
  const made = [];
  const answered = messages.findLastIndex((message) => message.from_bot);
  let today = "";
  messages.forEach((message, index) => {
    const day = DAY.format(new Date(message.at));
    if (day !== today) made.push({ key: `day-${day}`, day });
    today = day;
    made.push({ key: message.id, message, read: !message.from_bot && index < answered });
  });
  return made;
}

function draw(row) {
  if (row.day) return h("li", { className: "day-line" }, h("span", {}, row.day));
  const { message, read } = row;
  const own = OTHERS[message.text] ? h("em", {}, OTHERS[message.text]) : message.text;
  const body = message.from_bot ? fromBotHtml(message.html) : [own];
  const speaker = h("span", { className: "unseen" }, message.from_bot ? "Bili: " : "You: ");
  const bubble = h("div", { className: "bubble" }, speaker, ...body, meta(message, read));
  const item = h("li", { className: `message ${message.from_bot ? "in" : "out"}` }, bubble);
  if (message.buttons.length) item.append(keyboard(message));
  return item;
}

function meta(message, read) {
  const time = h("time", { dateTime: message.at }, TIME.format(new Date(message.at)));
  const parts = message.edited ? ["edited ", time] : [time];
  if (!message.from_bot) parts.push(icon(read ? "ticks" : "tick", "icon tick"));
  return h("span", { className: "meta" }, ...parts);
}

function keyboard(message) {
  const line = (buttons) => h("div", { className: "line" }, ...buttons.map((button) => tappable(message, button)));
  return h("div", { className: "keyboard" }, ...message.buttons.map(line));
}

function tappable(message, button) {
  const node = h("button", { type: "button" }, button.label);
  node.addEventListener("click", async () => {
    node.classList.add("busy");
    await act("tap", { user: person, message: message.id, data: button.data });
    node.classList.remove("busy");
  });
  return node;
}

/** A chat begins with the Start button, unless the person is already writing. */
function drawComposer() {
  const begun = list.childElementCount > 0 || text.value !== "";
  byId("start").hidden = begun;
  byId("write").hidden = !begun;
}

/** The reply keyboard: the button that shares the own number, and those that type their label. */
function drawReplyKeyboard(chat) {
  const keys = chat.keys.map((label) => ({ label }));
  if (chat.ask_contact) keys.unshift({ label: chat.ask_contact, contact: true });
  byId("keyboard").hidden = keys.length === 0;
  reconcile(byId("keyboard"), keys, (key) => key.label, (key) => {
    const node = h("button", { type: "button" }, key.label);
    const press = () => (key.contact ? act("share", { user: person }) : act("say", { user: person, text: key.label }));
    node.addEventListener("click", press);
    return node;
  });
}

function drawTyping(typing) {
  clearTimeout(typingTimer);
  const presence = byId("presence");
  presence.classList.toggle("typing", typing);
  presence.textContent = typing ? "typing" : "bot";
  if (typing) typingTimer = setTimeout(() => drawTyping(false), TYPING_SECONDS * 1000);
}

const nearBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM_PIXELS;

const drawNewest = () => (byId("newest").hidden = nearBottom());
const toNewest = () => (scroller.scrollTop = scroller.scrollHeight);

function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  byId("write").classList.toggle("filled", text.value.trim() !== "");
}

/** Put words into the text box for the person to look at and send. */
export function write(words) {
  text.value = words;
  drawComposer();
  fit();
  text.focus();
}

async function send() {
  const words = text.value.trim();
  text.value = "";
  fit();
  if (words && !(await act("say", { user: person, text: words }))) write(words);
}

function copyable(event) {
  const code = event.target.closest("code");
  if (!code || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  copy(code.textContent);
}

export function bindChat() {
  byId("composer").addEventListener("submit", (event) => (event.preventDefault(), send()));
  text.addEventListener("input", fit);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) (event.preventDefault(), send());
  });
  list.addEventListener("click", copyable);
  list.addEventListener("keydown", copyable);
  scroller.addEventListener("scroll", drawNewest);
  new ResizeObserver(() => byId("newest").hidden && toNewest()).observe(scroller);
  byId("newest").addEventListener("click", toNewest);
  byId("start").addEventListener("click", () => act("say", { user: person, text: "/start" }));
  const menu = byId("attachments");
  menu.addEventListener("click", ({ target: { dataset: { kind } } }) => kind && act("other", { user: person, kind }));
  document.addEventListener("click", ({ target }) => target.closest("summary") || (menu.open = false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && (menu.open = false));
}

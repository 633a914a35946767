// The Telegram phone: draws the chat, and does what a thumb would do in it.
import { act } from "./api.js";
import { byId, copy, fromBotHtml, h, icon, reconcile, toast } from "./dom.js";

const NEAR_BOTTOM_PIXELS = 80;
const TYPING_SECONDS = 6;
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

// What the sandbox writes for messages that are not text.
const OTHERS = { "[contact]": "Phone number shared", "[photo]": "Photo", "[voice]": "Voice note", "[sticker]": "Sticker", "[location]": "Location" };

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
  byId("start").hidden = chat.messages.length > 0;
  byId("write").hidden = chat.messages.length === 0;
  drawReplyKeyboard(chat);
  drawTyping(chat.typing);
  const grew = list.lastElementChild?.dataset.key !== before;
  if (follow || (grew && !chat.messages.at(-1).from_bot)) toNewest();
  drawNewest();
}

/** Messages as rows: a day line where the day changes, and whether a bubble ends its group (and so has the tail). */
function rows(messages) {
  const made = [];
  messages.forEach((message, index) => {
    const [previous, next] = [messages[index - 1], messages[index + 1]];
    const day = DAY.format(new Date(message.at));
    if (!previous || DAY.format(new Date(previous.at)) !== day) made.push({ key: `day-${day}`, day });
    const last = !next || next.from_bot !== message.from_bot || message.buttons.length > 0;
    const read = messages.slice(index).some((later) => later.from_bot);
    made.push({ key: message.id, message, last, read: message.from_bot || read });
  });
  return made;
}

function draw(row) {
  if (row.day) return h("li", { className: "day-line" }, h("span", {}, row.day));
  const { message, last, read } = row;
  const side = message.from_bot ? "in" : "out";
  const body = message.from_bot ? fromBotHtml(message.html) : [OTHERS[message.text] ? h("em", {}, OTHERS[message.text]) : message.text];
  const bubble = h("div", { className: "bubble" }, h("span", { className: "unseen" }, message.from_bot ? "Bili: " : "You: "), ...body, meta(message, read));
  const item = h("li", { className: `message ${side}${last ? " last" : ""}` }, bubble);
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
  byId("write").hidden = false;
  byId("start").hidden = true;
  text.value = words;
  fit();
  text.focus();
}

async function send() {
  const words = text.value.trim();
  if (words && (await act("say", { user: person, text: words }))) text.value = "";
  fit();
}

function closeMenu() {
  byId("attachments").hidden = true;
  byId("attach").setAttribute("aria-expanded", "false");
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
  byId("attach").addEventListener("click", () => {
    const menu = byId("attachments");
    menu.hidden = !menu.hidden;
    byId("attach").setAttribute("aria-expanded", String(!menu.hidden));
    if (!menu.hidden) menu.firstElementChild.focus();
  });
  byId("attachments").addEventListener("click", async (event) => {
    const kind = event.target.dataset.kind;
    closeMenu();
    if (kind && (await act("other", { user: person, kind }))) toast(`${event.target.textContent} sent`);
  });
  document.addEventListener("click", (event) => event.target.closest("#write") || closeMenu());
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenu());
}

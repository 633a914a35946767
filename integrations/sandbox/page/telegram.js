// The Telegram phone: draws the chat, and does what a thumb would do in it.
import { act } from "./api.js";
import { byId, h, reconcile, unseen } from "./dom.js";
import { fromBotHtml } from "./markup.js";
import { meta, pressed, thread } from "./thread.js";

const TYPING_SECONDS = 6;

// What the sandbox writes for messages that are not text.
const OTHERS = {
  "[contact]": "Phone number shared",
  "[photo]": "Photo",
  "[voice]": "Voice note",
  "[sticker]": "Sticker",
  "[location]": "Location",
};

const body = () => ({ user: person, channel: "telegram" });
const send = (text) => act("say", { ...body(), text });

let person = 0;
let typingTimer = 0;

export const chat = thread(byId("telegram"), { body, draw, send, changed: drawComposer });

export function drawTelegram(view) {
  person = view.person;
  // Telegram tells nobody what a bot has read: an answer is the sign.
  const answered = view.messages.findLastIndex((message) => message.from_bot);
  const ticks = (message, index) => (message.from_bot ? "" : index < answered ? "read" : "sent");
  chat.show(person, view.messages.map((message, index) => ({ ...message, ticks: ticks(message, index) })));
  byId("welcome").hidden = view.messages.length > 0;
  drawComposer();
  drawReplyKeyboard(view);
  drawTyping(view.typing);
}

function draw(message) {
  const own = OTHERS[message.text] ? h("em", {}, OTHERS[message.text]) : message.text;
  const words = message.from_bot ? fromBotHtml(message.html) : [own];
  const stamp = message.edited ? meta(message, "edited ") : meta(message);
  const bubble = h("div", { className: "bubble" }, unseen(message.from_bot ? "Bili: " : "You: "), ...words, stamp);
  const item = h("li", { className: `message ${message.from_bot ? "in" : "out"}` }, bubble);
  if (message.buttons.length) item.append(keyboard(message));
  return item;
}

function keyboard(message) {
  const line = (buttons) => h("div", { className: "line" }, ...buttons.map((button) => tappable(message, button)));
  return h("div", { className: "keyboard" }, ...message.buttons.map(line));
}

const tappable = (message, { label, data }) =>
  pressed(h("button", { type: "button" }, label), "tap", () => ({ ...body(), message: message.id, data }));

/** A chat begins with the Start button, unless the person is already writing. */
function drawComposer() {
  const begun = chat.list.childElementCount > 0 || chat.text.value !== "";
  byId("start").hidden = begun;
  byId("telegram").querySelector(".write").hidden = !begun;
}

/** The reply keyboard: the button that shares the own number, and those that type their label. */
function drawReplyKeyboard(view) {
  const keys = view.keys.map((label) => ({ label }));
  if (view.ask_contact) keys.unshift({ label: view.ask_contact, contact: true });
  byId("keyboard").hidden = keys.length === 0;
  reconcile(byId("keyboard"), keys, (key) => key.label, (key) => {
    const node = h("button", { type: "button" }, key.label);
    node.addEventListener("click", () => (key.contact ? act("share", body()) : send(key.label)));
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

export function bindTelegram() {
  chat.bind();
  byId("start").addEventListener("click", () => send("/start"));
}

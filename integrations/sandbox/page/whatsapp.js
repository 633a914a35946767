// The WhatsApp phone: draws the chat, and does what a thumb would do in it.
import { act } from "./api.js";
import { byId, h, icon, unseen } from "./dom.js";
import { fromMarks, withoutMarks } from "./markup.js";
import { bindPicker, closePicker, openPicker } from "./picker.js";
import { meta, pressed, thread } from "./thread.js";

const QUOTE_LENGTH_MAX = 140;

const KINDS = {
  photo: "Photo",
  voice: "Voice note",
  sticker: "Sticker",
  location: "Location",
  contact: "Contact card",
  document: "Document",
};

let person = 0;
let known = new Map(); // id → message, for quotations
let quoting = ""; // id of the message that the next words reply to
let looked = ""; // the newest message that was reported as read

const body = () => ({ user: person, channel: "whatsapp" });

export const chat = thread(byId("whatsapp"), { body, draw, send });

export function drawWhatsApp(view, onScreen) {
  if (person !== view.person) (quote(""), closePicker(), (looked = ""));
  person = view.person;
  known = new Map(view.messages.map((message) => [message.id, message]));
  byId("hidden-number").hidden = !view.hidden;
  chat.show(person, view.messages);
  if (onScreen && !document.hidden) look(view.messages);
}

/** Messages that are on the screen are read, as an app would report it. */
function look(messages) {
  const unread = messages.filter((message) => message.from_bot && ["sent", "delivered"].includes(message.ticks));
  const last = unread.map((message) => `${message.id} ${message.ticks}`).at(-1);
  if (!last || last === looked) return;
  looked = last;
  act("read", body());
}

async function send(text) {
  const message = quoting;
  quote("");
  if (await (message ? act("reply", { ...body(), message, text }) : act("say", { ...body(), text }))) return true;
  quote(message);
  return false;
}

// --- bubbles

function draw(message) {
  const speaker = unseen(message.from_bot ? "Bili: " : "You: ");
  const parts = [speaker, ...quotation(message), ...attachments(message), ...fromMarks(wordsOf(message))];
  const words = h("div", { className: "words" }, ...parts, stamp(message));
  const bubble = h("div", { className: "bubble" }, words, ...choices(message));
  bubble.classList.toggle("bare", message.media.includes("sticker"));
  bubble.classList.toggle("wordless", message.media.length > 0 && !wordsOf(message));
  return h("li", { className: `message ${message.from_bot ? "in" : "out"}` }, bubble, replier(message));
}

/** The words of a message; what is not text and has none carries the name of its kind in their place. */
const wordsOf = ({ text, media }) => (text === `[${media[0]}]` ? "" : text);

function stamp(message) {
  const lost = h("span", { className: "lost-note" }, "not delivered ");
  const template = message.template ? [h("span", { className: "template", title: "Approved beforehand" }, "template ")] : [];
  return meta(message, lost, ...template);
}

/** What hangs on a bubble: quick replies, buttons that lead out of the chat, and the one that opens a list. */
function choices(message) {
  const replies = message.buttons.map(({ label, data }) => {
    const button = h("button", { type: "button" }, icon("reply"), label);
    return pressed(button, "tap", () => ({ ...body(), message: message.id, data }));
  });
  const links = message.links.map(({ label, data }) => h("span", { className: "link-out", title: data }, label));
  const rows = [...replies, ...links, ...(message.items.length ? [opener(message)] : [])];
  return rows.length ? [h("div", { className: "choices" }, ...rows)] : [];
}

function opener(message) {
  const button = h("button", { type: "button", ariaHasPopup: "dialog" }, icon("list"), message.list_label);
  button.addEventListener("click", () => openPicker(message, button, (data) => act("pick", { ...body(), message: message.id, data })));
  return button;
}

// --- quotations

function replier(message) {
  const button = h("button", { type: "button", className: "replier", title: "Reply" }, icon("reply"), unseen("Reply to this message"));
  button.addEventListener("click", () => (quote(message.id), chat.text.focus()));
  return button;
}

const gist = (message) =>
  withoutMarks(wordsOf(message)).slice(0, QUOTE_LENGTH_MAX) || message.media.map((kind) => KINDS[kind] ?? "Attachment").join(", ");

const nameOf = (message) => (message.from_bot ? "Bili" : "You");

function quotation(message) {
  if (!message.replies_to) return [];
  const quoted = known.get(message.replies_to);
  const words = quoted ? [h("b", {}, nameOf(quoted)), h("span", {}, gist(quoted))] : [h("span", {}, "An earlier message")];
  return [h("blockquote", {}, ...words)];
}

/** Let the next words reply to the message with this id; "" to none. */
function quote(id) {
  quoting = id;
  const message = known.get(id);
  byId("quoting").hidden = !message;
  if (!message) return;
  byId("quoted-who").textContent = nameOf(message);
  byId("quoted").textContent = gist(message);
}

// --- what is not text

const attachments = (message) => message.media.map((what) => DRAWINGS[what]?.() ?? file("Attachment", what));

const DRAWINGS = {
  photo: () => h("span", { className: "photo" }, icon("photo"), unseen("Photo")),
  voice: () => h("span", { className: "voice" }, icon("play"), icon("waves", "waves"), h("small", {}, "0:03"), unseen("Voice note")),
  sticker: () => h("span", { className: "sticker" }, icon("thumb", "thumb"), unseen("Sticker")),
  location: () => h("span", { className: "map" }, icon("location"), unseen("Location")),
  contact: () => h("span", { className: "card-of" }, icon("contact"), h("b", {}, "Contact card")),
  document: () => file("Document", ""),
};

const file = (name, title) => h("span", { className: "card-of", title }, icon("document"), h("b", {}, name));

export function bindWhatsApp() {
  chat.bind();
  bindPicker();
  byId("unquote").addEventListener("click", () => (quote(""), chat.text.focus()));
  byId("whatsapp").addEventListener("keydown", (event) => event.key === "Escape" && quote(""));
}

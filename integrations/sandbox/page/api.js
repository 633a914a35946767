// The page's only way out: the sandbox's own control paths.
import { toast } from "./dom.js";

/** Wait until something changed since `since` (a revision), then the whole state; rejects when the sandbox is away. */
export async function state(since, person, signal) {
  const answer = await fetch(`/control/state?since=${since}&user=${person}`, { signal, cache: "no-store" });
  if (!answer.ok) throw new Error(`state answered ${answer.status}`);
  return answer.json();
}

/** Do something; a refusal is shown in the sandbox's own words. Answers whether it was done. */
export async function act(what, body) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(`/control/${what}`, init);
    if (!answer.ok) toast((await answer.json()).error);
    return answer.ok;
  } catch {
    toast("The sandbox does not answer");
    return false;
  }
}

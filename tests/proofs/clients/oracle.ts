// oidc-provider as an oracle: one list of odd requests goes to it and to Postern, and the verdicts are compared. Where they
// differ, a reason is on record; without one, or with one that nothing needs any more, the check fails.
import { given } from "./client.ts";
import { check, equal, finished } from "./checks.ts";
import { authorizationRequests } from "./oracle/authorize.ts";
import { basic, codeQuery, oddForms, post, redemption, type Fresh, type OddForm } from "./oracle/forms.ts";
import { formVerdict, oidcProvider, postern, type Peer, type Verdict } from "./oracle/peers.ts";
import { reasonFor, unusedReasons } from "./oracle/reasons.ts";

const [ours, theirs] = [postern(given), await oidcProvider(given)];
const tried = { bad: 0, accepted: 0, "open redirects": 0, "5xx": 0 };
let differences = 0;

/** Compares, and prints a difference with its reason. */
async function compare(name: string, isBad: boolean, ask: (peer: Peer) => Promise<Verdict>, accepted: (verdict: Verdict) => boolean): Promise<void> {
  const [own, their] = [await ask(ours), await ask(theirs)];
  if (isBad) tried.bad += 1;
  if (isBad && accepted(own)) tried.accepted += 1;
  if (/\b5\d\d\b/.test(own)) tried["5xx"] += 1;
  if (own.startsWith("OPEN REDIRECT")) tried["open redirects"] += 1;
  await check(name, () => {
    if (isBad && accepted(own)) throw new Error(`a bad request was accepted: ${own}`);
    if (!isBad && !accepted(own)) throw new Error(`a sound request was refused: ${own}`);
    if (/\b5\d\d\b|OPEN/.test(own)) throw new Error(own);
    if (own === their) return;
    const reason = reasonFor(name, own, their);
    if (reason === undefined) throw new Error(`Postern: ${own}; oidc-provider: ${their}`);
    differences += 1;
    console.log(`  differs: Postern ${own}, oidc-provider ${their}: ${reason}`);
  });
}

for (const { name, query, sound, redirect } of authorizationRequests(given)) {
  const ask = async (peer: Peer) => {
    const verdict = await peer.authorize(query);
    if (peer !== ours || !verdict.startsWith("redirect")) return verdict;
    // Once more, for where it leads.
    const answer = await fetch(`${peer.paths.authorize}?${query}`, { redirect: "manual" });
    const to = answer.headers.get("location") ?? "";
    return to.startsWith(`${redirect}?`) ? verdict : `OPEN REDIRECT to ${to}`;
  };
  await compare(`authorize: ${name}`, !sound, ask, (verdict) => verdict === "sign-in" || verdict === "redirect code");
}

/** What a form needs, from this server. */
async function fresh(peer: Peer, needs: OddForm["needs"]): Promise<Fresh> {
  if (needs === undefined) return { code: "", refresh_token: "", access_token: "" };
  const confidential = needs.startsWith("confidential");
  const code = await peer.code(codeQuery(given, confidential));
  if (code === "") throw new Error(`${peer.name} gave no code`);
  if (needs.endsWith("code")) return { code, refresh_token: "", access_token: "" };
  const { client_id, client_secret } = given.nativeConfidential;
  const headers = confidential ? basic(client_id, client_secret) : {};
  const answer = await post(peer, { name: "", at: "token", form: () => [], headers }, redemption(given, { code }, confidential));
  const tokens = (await answer.json()) as Fresh;
  if (tokens.refresh_token === undefined) throw new Error(`${peer.name} gave no tokens: ${JSON.stringify(tokens)}`);
  return { ...tokens, code };
}

for (const form of oddForms(given)) {
  const ask = async (peer: Peer) => {
    const fields = form.form(await fresh(peer, form.needs));
    if (form.replay) await post(peer, form, fields);
    return formVerdict(await post(peer, form, fields));
  };
  const accepted = form.sound === "not active" ? "200 not active" : form.at === "introspect" ? "200 active" : "200";
  await compare(`${form.at}: ${form.name}`, !form.sound, ask, (verdict) => verdict === accepted);
}
theirs.stop();

await check("every reason is needed", () => equal(unusedReasons(), []));
console.log(`  bad requests tried ${Object.entries(tried).map(([name, count]) => (name === "bad" ? count : `${name} ${count}`)).join(", ")}; differences with a reason ${differences}`);
finished();

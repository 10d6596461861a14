const box = document.querySelector("[data-live-switch]"), button = box.querySelector("button"), state = box.querySelector("[role=status]");
let timer = 0;
const stop = (why) => {
  clearTimeout(timer);
  timer = 0;
  button.setAttribute("aria-pressed", "false");
  state.textContent = why;
};
const next = () => {
  clearTimeout(timer);
  timer = setTimeout(renew, box.dataset.liveSwitch * 1000);
};
const renew = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return stop("Not live: sign in again.");
    if (!timer) return;
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(part.id);
        if (!fresh || part.contains(document.activeElement)) continue;
        const open = [...part.querySelectorAll("details")].map((details) => details.open);
        fresh.querySelectorAll("details").forEach((details, index) => (details.open = open[index] ?? false));
        if (fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
      }
    }
    state.textContent = answer.ok ? "" : "Not up to date: the deployment returned " + answer.status + ".";
  } catch {
    state.textContent = "Not up to date: the deployment was not reached.";
  }
  if (timer) next();
};
box.hidden = false;
button.addEventListener("click", () => {
  if (timer) return stop("Paused.");
  button.setAttribute("aria-pressed", "true");
  state.textContent = "";
  timer = 1;
  renew();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer) renew();
});
next();

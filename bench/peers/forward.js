// Passes requests on without looking at anything but the path.
export default {
  fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/service-forward") return env.ORIGIN.fetch(request);
    return fetch(new Request(env.ORIGIN_URL + url.pathname + url.search, request));
  },
};

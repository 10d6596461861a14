// The floor: reads one header and answers.
export default {
  fetch(request) {
    return request.headers.get("authorization") ? new Response("ok") : new Response("no", { status: 401 });
  },
};

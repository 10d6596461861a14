// Takes the place of the default export in the shim that worker-build generates (scripts/bundle.sh puts it there). That
// one makes an instance and two Proxies for every request; this is a plain handler with the same recovery from a panic:
// when the instance of WASM is no longer to be trusted, the next event begins with a new one.
const handlers = {};
for (const name of ["fetch", "scheduled", "queue", "email"]) {
  const handler = exports[name];
  if (handler === undefined) continue;
  handlers[name] = (event, env, ctx) => {
    checkReinitialize();
    try {
      return handler(event, env, ctx);
    } catch (error) {
      handleMaybeCritical(error);
      throw error;
    }
  };
}

export default handlers;

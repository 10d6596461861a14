const { startPostern } = require("@postern/testing");

module.exports = async () => {
  globalThis.postern = await startPostern();
  process.env.POSTERN = JSON.stringify(globalThis.postern.connection);
};

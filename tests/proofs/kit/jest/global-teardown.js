module.exports = () => globalThis.postern.dispose();

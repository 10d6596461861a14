// What is deployed behind Postern: the API, and the built pages as assets.
import { works } from "./api/orders.ts";

export default {
  async fetch(request: Request, env: { ASSETS: { fetch(request: Request): Promise<Response> } }): Promise<Response> {
    return (await works(request)) ?? env.ASSETS.fetch(request);
  },
};

// In the place of an Analytics Engine data set, which keeps what it takes to itself: it holds data points to the platform's
// limits, and prints them.
import { WorkerEntrypoint } from "cloudflare:workers";

const bytes = (text) => new TextEncoder().encode(text).length;

export default class extends WorkerEntrypoint {
  async fetch() {
    return new Response(null, { status: 404 });
  }

  async writeDataPoint({ indexes = [], blobs = [], doubles = [] }) {
    const sound =
      indexes.length === 1 && bytes(indexes[0]) <= 96 &&
      blobs.length <= 20 && bytes(blobs.join("")) <= 16_384 &&
      doubles.length <= 20 && doubles.every(Number.isFinite);
    console.log(`${sound ? "data point" : "unsound data point"}: ${JSON.stringify({ index: indexes[0], blobs, doubles })}`);
  }
}

// In the place of an Analytics Engine data set, which keeps what it takes to itself: it holds data points to the platform's
// limits, and prints them.
import { WorkerEntrypoint } from "cloudflare:workers";

interface DataPoint {
  indexes?: string[];
  blobs?: string[];
  doubles?: number[];
}

export default class extends WorkerEntrypoint {
  override async fetch(): Promise<Response> {
    return new Response(null, { status: 404 });
  }

  async writeDataPoint({ indexes = [], blobs = [], doubles = [] }: DataPoint): Promise<void> {
    const sound =
      indexes.length === 1 && new TextEncoder().encode(indexes[0]).length <= 96 &&
      blobs.length <= 20 && new TextEncoder().encode(blobs.join("")).length <= 16_384 &&
      doubles.length <= 20 && doubles.every(Number.isFinite);
    console.log(`${sound ? "data point" : "unsound data point"}: ${JSON.stringify({ index: indexes[0], blobs, doubles })}`);
  }
}

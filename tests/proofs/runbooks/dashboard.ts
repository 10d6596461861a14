// What the on-call person sees in the dashboard, signed in as an administrator: rows of tables and named values of its pages.
import { ADMIN, PASSWORD } from "../../worker/support/config.ts";
import { Visitor } from "../../worker/support/visitor.ts";
import { has, sections, sentence } from "./guide.ts";

type Site = ConstructorParameters<typeof Visitor>[0];

/** Where the incident is seen. */
export interface Sight {
  /** The page, below /admin/ui. */
  path: string;
  /** The name of the page, as the guide says it. */
  page: string;
  /** The caption of the table. Without it: any named value, alert, or table of the page. */
  table?: string;
  /** The row, as the guide says it: one of its cells, the name of a value, or the title of an alert. Empty: the guide does not name it. */
  row: string;
  /** What the rest of the row must say, as the guide says it; empty: the row is there. Without it: a number that has grown since the cause. */
  says?: string;
  /** The row of this incident, where the guide says "the issuer" or "the part". */
  instead?: string;
}

interface Row {
  table: string;
  cells: string[];
}

const text = (html: string): string =>
  html
    .replace(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ")
    .trim();

/** The rows of a page: those of its tables, its named values, and its alerts. */
export function rows(html: string): Row[] {
  const of = (pattern: RegExp, from = html) => [...from.matchAll(pattern)].map(([, first = "", second = ""]) => [text(first), text(second)] as const);
  const found: Row[] = [];
  for (const [, table = ""] of html.matchAll(/<table>(.*?)<\/table>/gs)) {
    const [[caption] = [""]] = of(/<caption>(.*?)<\/caption>/gs, table);
    for (const [, row = ""] of table.matchAll(/<tr>(.*?)<\/tr>/gs)) found.push({ table: caption, cells: of(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs, row).map(([cell]) => cell) });
  }
  for (const [name, value] of of(/<dt>(.*?)<\/dt>\s*<dd>(.*?)<\/dd>/gs)) found.push({ table: "", cells: [name, value] });
  for (const [title, rest] of of(/role="alert"><h2>(.*?)<\/h2>(.*?)<\/div>/gs)) found.push({ table: "", cells: [title, rest] });
  return found;
}

/** What stands beside the row's name. */
function beside(html: string, { table, row, instead }: Sight): string[] {
  const name = instead ?? row;
  return rows(html)
    .filter((found) => (table === undefined || found.table === table) && found.cells.includes(name))
    .map(({ cells }) => cells.filter((cell) => cell !== name).join(" | "));
}

export class OnCall {
  readonly #visitor: Visitor;
  /** The numbers of the sights that count, before the cause. */
  readonly #before = new Map<Sight, number>();

  constructor(site: Site) {
    this.#visitor = new Visitor(site);
  }

  async signIn(): Promise<void> {
    const { headers } = await this.#visitor.fetch("/admin/ui/overview");
    const answer = await this.#visitor.fill(headers.get("location") ?? "", { login: ADMIN, password: PASSWORD });
    if (answer.headers.get("location") !== "/admin/ui/overview") throw new Error(`the administrator is not let in: ${answer.status}`);
  }

  async open(path: string): Promise<{ status: number; page: string }> {
    const answer = await this.#visitor.fetch(`/admin/ui${path}`);
    return { status: answer.status, page: await answer.text() };
  }

  /** Notes what is there before the cause, where nothing may be seen yet. */
  async note(sights: readonly Sight[]): Promise<void> {
    for (const sight of sights) {
      const { page } = await this.open(sight.path);
      if (sight.says === undefined) this.#before.set(sight, number(beside(page, sight)));
      else if (beside(page, sight).some((cells) => cells.includes(sight.says ?? ""))) throw new Error(`before the cause ${sight.page} says of ${sight.row}: ${sight.says}`);
    }
  }

  /** The first of the sights that is not there. Undefined: all are. */
  async missing(sights: readonly Sight[]): Promise<string | undefined> {
    for (const sight of sights) {
      const { status, page } = await this.open(sight.path).catch((error: unknown) => ({ status: 0, page: String(error) }));
      const found = beside(page, sight);
      const { says } = sight;
      const holds = says === undefined ? number(found) > (this.#before.get(sight) ?? 0) : found.some((cells) => cells.includes(says));
      if (status !== 200 || !holds) return `${sight.page} (${status}), ${sight.instead ?? sight.row}: ${found.join("; ") || "nothing"}`;
    }
    return undefined;
  }
}

/** The sum of the numbers that the rows end with. */
const number = (found: readonly string[]): number => found.reduce((sum, cells) => sum + Number(/(\d+)$/.exec(cells)?.[1] ?? 0), 0);

/** What the incidents looked for, by guide and section. */
const claimed = new Map<string, Set<string>>();

export function claim(guide: string, section: string, names: readonly string[]): void {
  const told = sentence(guide, section, "Dashboard");
  for (const name of names) if (!told.includes(`\`${name}\``)) throw new Error(`docs/guides/${guide}.md: "${section}" does not say that the dashboard shows \`${name}\``);
  const key = `${guide}#${section}`;
  claimed.set(key, new Set([...(claimed.get(key) ?? []), ...names]));
}

/** The guide's sentence on the dashboard names these sights. */
export function compared(guide: string, section: string, sights: readonly Sight[]): void {
  claim(guide, section, sights.flatMap(({ row, says = "" }) => [row, says].filter((name) => name !== "")));
  const told = sentence(guide, section, "Dashboard");
  for (const { page, table = "" } of sights) for (const name of [page, table]) if (!told.includes(name)) throw new Error(`docs/guides/${guide}.md: "${section}" does not name ${name}`);
}

/** Of each section with an alert: what it says that the dashboard shows, paths apart, and no incident looked for. */
export function unclaimed(guide: string): string[] {
  return sections(guide).flatMap((section) => {
    if (!has(guide, section, "Alert")) return [];
    const told = sentence(guide, section, "Dashboard");
    const looked = claimed.get(`${guide}#${section}`) ?? new Set();
    return [...told.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name).filter((name) => !name.startsWith("/") && !looked.has(name)).map((name) => `${section}: \`${name}\``);
  });
}

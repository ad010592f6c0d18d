// The nine steps of the notice through openapi-fetch and the types that openapi-typescript made of the document.
// What it needs to know of the stack comes as JSON on standard input.
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./client.js";

type Account = { account: string; password: string };
type Holder = { name: string; id_number: string; assertion: string };
type Cast = {
  api_url: string; city: string; program: string; project: string; now: string; room: string; list: string; films: string[];
  accounts: Record<"institution" | "clerk" | "reviewer" | "finance" | "province", Account[]> & { institution_of: string };
  holders: Holder[]; trainer: { name: string; id_number: string; qualification: string };
};
const cast: Cast = JSON.parse(readFileSync(0, "utf8"));
const NOW = new Date(cast.now);
const DAY = 86_400_000, HOUR = 3_600_000;
const later = (moment: Date | string, ms: number) => new Date(new Date(moment).getTime() + ms);

class Caller {
  now = NOW;
  readonly api = createClient<paths>({ baseUrl: cast.api_url });
  constructor(token?: string) {
    this.api.use({
      onRequest: ({ request }) => {
        request.headers.set("X-Local-Now", this.now.toISOString());
        if (token) request.headers.set("Authorization", `Bearer ${token}`);
        return request;
      },
    });
  }
}

/** Give what a call answered, or stop with its problem. */
async function ok<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined) throw new Error(`${response.url} ${response.status} ${JSON.stringify(error)}`);
  return data;
}

async function signedIn(body: paths["/v1/auth/tokens"]["post"]["requestBody"]["content"]["application/json"]) {
  return new Caller((await ok(new Caller().api.POST("/v1/auth/tokens", { body }))).access_token);
}
const staff = (role: keyof Omit<Cast["accounts"], "institution_of">, nth = 0) =>
  signedIn({ grant_type: "password", ...cast.accounts[role][nth]! });

async function upload(form: { url: string; fields: Record<string, string> }, content: Uint8Array<ArrayBuffer>) {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  body.append("file", new Blob([content]));
  const answer = await fetch(form.url, { method: "POST", body });
  if (answer.status !== 204) throw new Error(`upload: ${answer.status} ${await answer.text()}`);
}

async function wait<T extends { status: string }>(read: () => Promise<T>, ...wanted: string[]): Promise<T> {
  for (let turn = 0; turn < 300; turn++) {
    const seen = await read();
    if (wanted.includes(seen.status)) return seen;
    await new Promise((done) => setTimeout(done, 300));
  }
  throw new Error(`never ${wanted}`);
}

/** Say where a phone is: never twice at the same point, as no phone is; supervision looks for those. */
const phoneNear = <T extends { lng: number; lat: number }>(place: T) => ({
  ...place,
  lng: place.lng + (Math.random() - 0.5) / 4000,
  lat: place.lat + (Math.random() - 0.5) / 4000,
  accuracy_m: 8 + Math.floor(Math.random() * 17),
});

const mark = () => 62 + Math.floor(Math.random() * 36);
const digest = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
const equal = (found: unknown, wanted: unknown) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
};

const anyone = new Caller().api;
const programs = await ok(anyone.GET("/v1/programs"));
const program = programs.items.find((one) => one.name === cast.program)!;
await ok(anyone.GET("/v1/exchange/keys"));
console.log("1 exchange: the program and the service's keys are there");

const school = await staff("institution"), clerk = await staff("clerk"), province = await staff("province");
const place = await ok(anyone.GET("/v1/institutions/{uscc}", { params: { path: { uscc: cast.accounts.institution_of } } }));
await ok(anyone.GET("/v1/institutions", { params: { query: { project: cast.project, limit: 3 } } }));
console.log("2 catalogue: an institution and its projects");

const sheet = new TextEncoder().encode(cast.list);
const announced = await ok(province.api.POST("/v1/imports", {
  body: { kind: "graduates", filename: "a.csv", size_bytes: sheet.length, sha256: digest(sheet) },
}));
await upload(announced.upload, sheet);
const ready = await wait(
  () => ok(province.api.GET("/v1/imports/{import_id}", { params: { path: { import_id: announced.id } } })), "ready", "failed");
equal([ready.status, ready.valid], ["ready", cast.holders.length]);
const batches = { program_id: program.id };
const proposed = await ok(province.api.POST("/v1/programs/{program_id}/issuance-batches", {
  params: { path: batches }, body: { import_id: ready.id, declared_count: ready.valid! },
}));
const batch = { params: { path: { ...batches, batch_id: proposed.id } } };
const second = await staff("province", 1);
await ok(second.api.POST("/v1/programs/{program_id}/issuance-batches/{batch_id}/approve", {
  ...batch, body: { version: proposed.version },
}));
const issued = await wait(
  () => ok(province.api.GET("/v1/programs/{program_id}/issuance-batches/{batch_id}", batch)), "issued");
console.log(`3 issue: ${issued.issued} vouchers`);

const cards: { caller: Caller; voucher_id: string }[] = [];
for (const { assertion } of cast.holders) {
  const caller = await signedIn({ grant_type: "social_card", assertion });
  const voucher = (await ok(caller.api.GET("/v1/vouchers"))).items[0]!;
  await ok(caller.api.POST("/v1/vouchers/{voucher_id}/claim", { params: { path: { voucher_id: voucher.id } }, body: {} }));
  cards.push({ caller, voucher_id: voucher.id });
}
console.log("4 claim");

const enrolments: string[] = [];
for (const { caller, voucher_id } of cards) {
  const { token } = await ok(caller.api.GET("/v1/vouchers/{voucher_id}/qr", { params: { path: { voucher_id } } }));
  const seen = await ok(school.api.POST("/v1/verifications", { body: { token, project_id: cast.project } }));
  equal(seen.redeemable, true);
  const body = { token, project_id: cast.project, nonce: randomUUID(), device_id: "counter-1", happened_at: NOW.toISOString() };
  const enrolment = await ok(school.api.POST("/v1/enrolments", { body }));
  equal((await ok(school.api.POST("/v1/enrolments", { body }))).id, enrolment.id);
  enrolments.push(enrolment.id);
}
console.log(`5 redeem: ${enrolments.length} enrolled`);

const { lng, lat, coord_system } = place.location;
const location = { lng, lat, coord_system };
const draft = await ok(school.api.POST("/v1/classes", {
  params: { header: { "Idempotency-Key": randomUUID() } },
  body: {
    project_id: cast.project, name: "客户端班", planned_size: cards.length, trainers: [cast.trainer],
    site: { name: cast.room, address: place.address, location },
    lessons: Array.from({ length: 5 }, (_, day) => ({
      starts_at: later(NOW, (12 + day) * DAY).toISOString(), ends_at: later(NOW, (12 + day) * DAY + 8 * HOUR).toISOString(),
      hours: 8, topic: `第${day + 1}讲`, trainer: 0,
    })),
  },
}));
const aClass = { params: { path: { class_id: draft.id } } };
const filed = await ok(school.api.POST("/v1/classes/{class_id}/submit", { ...aClass, body: { version: draft.version } }));
const approved = await ok(clerk.api.POST("/v1/classes/{class_id}/approve", { ...aClass, body: { version: filed.version } }));
console.log(`6 class: ${approved.status}`);

const rows = ["姓名,身份证号", ...cast.holders.map((one) => `${one.name},${one.id_number}`)].join("\n");
const roster = await ok(school.api.PUT("/v1/classes/{class_id}/roster", {
  params: { ...aClass.params, query: { version: approved.version } },
  headers: { "Content-Type": "text/csv" }, body: rows, bodySerializer: (body) => body as string,
}));
equal(roster.accepted, cards.length);
console.log(`7 roster: ${roster.accepted} by csv`);

for (const [nthLesson, lesson] of approved.lessons.entries()) {
  const held = { params: { path: { lesson_id: lesson.id } } };
  for (const [nth, { caller }] of cards.entries()) {
    caller.now = later(lesson.starts_at, -20 * 60_000 + Math.random() * 600_000);
    const came = await ok(caller.api.POST("/v1/lessons/{lesson_id}/check-ins", {
      ...held,
      body: {
        kind: "in", location: phoneNear(location), device_id: `phone-${enrolments[nth]!.slice(-12)}`, nonce: randomUUID(),
        happened_at: caller.now.toISOString(),
      },
    }));
    equal(came.outcome, "accepted");
  }
  school.now = later(lesson.ends_at, 5 * 60_000);
  const film = new Uint8Array(readFileSync(cast.films[nthLesson]!));
  const recording = await ok(school.api.POST("/v1/lessons/{lesson_id}/footage", {
    ...held,
    body: {
      camera_id: "camera-1", started_at: lesson.starts_at, ended_at: lesson.ends_at, size_bytes: film.length,
      sha256: digest(film), content_type: "video/mp4",
    },
  }));
  await upload(recording.upload!, film);
}
console.log("8 attend: check-ins and footage of every lesson");

school.now = clerk.now = later(school.now, HOUR);
const { version } = await ok(school.api.GET("/v1/classes/{class_id}", aClass));
const applied = await ok(school.api.POST("/v1/classes/{class_id}/completion/submit", { ...aClass, body: { version } }));
const done = await ok(clerk.api.POST("/v1/classes/{class_id}/completion/approve", { ...aClass, body: { version: applied.version } }));
await ok(school.api.PUT("/v1/classes/{class_id}/scores", {
  ...aClass,
  body: { version: done.version, rows: enrolments.map((enrolment_id) => ({ enrolment_id, theory: mark(), practice: mark() })) },
}));
const payable = await ok(school.api.GET("/v1/classes/{class_id}/payability", aClass));
const claim = await ok(school.api.POST("/v1/classes/{class_id}/subsidy-claims", {
  ...aClass, body: { declared_count: payable.count, declared_amount_fen: payable.amount_fen },
}));
const reviewer = await staff("reviewer"), finance = await staff("finance"), paying = await staff("finance", 1);
reviewer.now = finance.now = paying.now = school.now;
const ofClaim = { params: { path: { claim_id: claim.id } } };
const reviewed = await ok(clerk.api.POST("/v1/subsidy-claims/{claim_id}/review", { ...ofClaim, body: { version: claim.version } }));
const year = { division: cast.city, year: String(school.now.getFullYear()) };
const known = await finance.api.GET("/v1/budgets/{division}/{year}", { params: { path: year, query: { program_id: program.id } } });
await ok(finance.api.PUT("/v1/budgets/{division}/{year}", {
  params: { path: year },
  body: {
    program_id: program.id, appropriated_fen: claim.amount_fen + (known.data?.appropriated_fen ?? 0),
    ...(known.data ? { version: known.data.version } : {}),
  },
}));
await ok(reviewer.api.POST("/v1/subsidy-claims/{claim_id}/approve", { ...ofClaim, body: { version: reviewed.version } }));
finance.now = paying.now = later(finance.now, 25 * DAY);
const sealed = await ok(finance.api.POST("/v1/settlement-batches", { body: {} }));
const toPay = { params: { path: { batch_id: sealed.items[0]!.id } } };
await ok(finance.api.POST("/v1/settlement-batches/{batch_id}/export", { ...toPay, body: {} }));
const { lines } = await ok(finance.api.GET("/v1/settlement-batches/{batch_id}", toPay));
const results = await ok(paying.api.POST("/v1/settlement-batches/{batch_id}/results", {
  ...toPay,
  body: {
    results: lines.map((line, nth) => ({
      line_id: line.line_id, status: "paid" as const, amount_fen: line.amount_fen,
      paid_on: finance.now.toISOString().slice(0, 10), bank_reference: `R-${nth}`,
    })),
  },
}));
equal([results.applied, results.refused], [lines.length, []]);
console.log(`9 pay: ${results.applied} lines, ${claim.amount_fen} fen claimed`);

"use strict";
// Staff: sign in, see what awaits me, decide.

const REASONED = new Set(["return", "completion_return", "reject"]);
const ACTIONS = {
  approve: two("批准", "Approve"),
  return: two("退回", "Return"),
  reject: two("驳回", "Reject"),
  review: two("初审通过", "Pass first review"),
  completion_approve: two("批准结业", "Approve completion"),
  completion_return: two("退回结业", "Return completion"),
  export: two("导出付款文件", "Export payment file"),
  redrive: two("重新发送", "Send again"),
};

// Each list that can await a role: where it is, whether an item awaits anyone, what an item says, where its actions go.
const classFacts = (item) => [
  [two("项目", "Project"), item.project_id],
  [two("机构", "Institution"), item.institution],
  [two("时间", "Time"), `${moment(item.opens_at)} – ${moment(item.ends_at)}`],
  [two("人数 / 课时", "Size / hours"), `${item.enrolled || item.planned_size} / ${item.lesson_hours}`],
];
const LISTS = [
  {
    title: two("待审批的开班申请", "Class applications to decide"),
    roles: ["clerk"],
    path: "v1/classes?status=submitted",
    name: (item) => item.name,
    facts: classFacts,
    at: (item, action) => `v1/classes/${item.id}/${action}`,
  },
  {
    title: two("待审批的结业申请", "Completions to decide"),
    roles: ["clerk"],
    path: "v1/classes?status=completion_submitted",
    name: (item) => item.name,
    facts: classFacts,
    at: (item, action) => `v1/classes/${item.id}/${action.replace("completion_", "completion/")}`,
  },
  {
    title: two("待审核的补贴申领", "Subsidy claims to review"),
    roles: ["clerk", "reviewer"],
    path: "v1/subsidy-claims",
    name: (item) => item.class_name,
    facts: (item) => [
      [two("机构", "Institution"), item.institution],
      [two("状态", "State"), state(item.status)],
      [two("人数", "Trainees"), item.count],
      [two("金额", "Amount"), yuan(item.amount_fen)],
      [two("申领时间", "Submitted"), moment(item.submitted_at)],
    ],
    at: (item, action) => `v1/subsidy-claims/${item.id}/${action}`,
  },
  {
    title: two("结算批次", "Settlement batches"),
    roles: ["finance"],
    path: "v1/settlement-batches",
    name: (item) => item.id,
    facts: (item) => [
      [two("状态", "State"), state(item.status)],
      [two("笔数", "Lines"), item.count],
      [two("金额", "Amount"), yuan(item.amount_fen)],
      [two("已付", "Paid"), item.paid_count],
    ],
    at: (item, action) => `v1/settlement-batches/${item.id}/${action}`,
    empty: new Set(["export"]),
  },
  {
    title: two("被退回的数据回流", "Refused deliveries"),
    roles: ["supervisor", "province"],
    path: "v1/exchange/deliveries?state=refused",
    name: (item) => `${item.event} ${item.subject}`,
    facts: (item) => [[two("原因", "Failure"), item.failure], [two("时间", "Time"), moment(item.occurred_at)]],
    at: (item, action) => `v1/exchange/deliveries/${item.message_id}/${action}`,
    empty: new Set(["redrive"]),
  },
];

async function issuanceLists() {
  const lists = [];
  for (const program of await every("v1/programs")) {
    lists.push({
      title: `${two("待审批的发放批次", "Issuance batches to decide")} · ${program.name}`,
      roles: ["province"],
      path: `v1/programs/${program.id}/issuance-batches`,
      name: (item) => item.id,
      facts: (item) => [
        [two("状态", "State"), state(item.status)],
        [two("可发放 / 不符合 / 已持有", "Eligible / refused / held"), `${item.eligible} / ${item.refused} / ${item.already_held}`],
      ],
      at: (item, action) => `v1/programs/${program.id}/issuance-batches/${item.id}/${action}`,
    });
  }
  return lists;
}

async function decide(list, item, action, reason) {
  const body = list.empty?.has(action) ? {} : { version: item.version };
  if (REASONED.has(action)) {
    if (!reason) throw new Error(two("请填写原因。", "Give a reason."));
    body.reason = reason;
  } else if (reason && !list.empty?.has(action)) {
    body.comment = reason;
  }
  const answer = await call("POST", list.at(item, action), body);
  if (answer.url) window.open(answer.url, "_blank", "noopener");
  say(`${ACTIONS[action]}：${list.name(item)}`);
  await show();
}

function card(list, item) {
  const possible = item.allowed_actions.filter((action) => action in ACTIONS);
  const reason = make("textarea", { rows: 2, maxLength: 500, placeholder: two("意见或原因", "Remark or reason") });
  reason.setAttribute("aria-label", two("意见或原因", "Remark or reason"));
  const withText = possible.some((action) => !list.empty?.has(action));
  return make(
    "article",
    { class: "card" },
    make("h3", {}, list.name(item)),
    facts(list.facts(item)),
    withText ? reason : null,
    ...possible.map((action) =>
      pressing(ACTIONS[action], () => decide(list, item, action, reason.value.trim()), REASONED.has(action)),
    ),
  );
}

async function show() {
  const place = document.getElementById("work");
  const lists = LISTS.filter((list) => list.roles.includes(session.role));
  if (session.role === "province") lists.push(...(await issuanceLists()));
  const sections = [];
  for (const list of lists) {
    const items = (await every(list.path)).filter((item) => item.allowed_actions.some((action) => action in ACTIONS));
    sections.push(
      make("h2", {}, `${list.title}（${items.length}）`),
      ...(items.length ? items.map((item) => card(list, item)) : [make("p", { class: "soft" }, two("暂无", "Nothing"))]),
    );
  }
  if (!lists.length) sections.push(make("p", {}, two("此角色的业务请通过接口办理。", "This role works through the API.")));
  place.replaceChildren(...sections);
}

document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  guarded(form.querySelector("button"), async () => {
    const signedIn = await call("POST", "v1/auth/tokens", {
      grant_type: "password",
      account: form.account.value.trim(),
      password: form.password.value,
    });
    keep(signedIn);
    form.reset();
    form.hidden = true;
    document.getElementById("said").hidden = true;
    document.getElementById("who").textContent = `${session.role} · ${signedIn.division}`;
    document.getElementById("again").hidden = false;
    await show();
  });
});
document.getElementById("again").addEventListener("click", (event) => guarded(event.target, show));

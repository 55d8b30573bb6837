// The calls that the product documents, against a running server: WRIT_URL, WRIT_ADMIN_KEY.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { given, writ, type Writ } from "../src/client.js";

const url = process.env.WRIT_URL ?? "http://127.0.0.1:8420";
const client = writ(url, process.env.WRIT_ADMIN_KEY ?? "");

/** Enforcement learns of a change a moment after it was answered. */
async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await holds()) return;
    await sleep(100);
  }
  assert.fail(`not in time: ${what}`);
}

async function register(client: Writ, agentId: string) {
  const answer = await client.POST("/api/v1/agents", { body: { agentId, name: agentId } });
  return given(answer).data;
}

async function enforce(agentId: string, tools: string[]) {
  const body = { agentId, input: "look up the weather", environment: "production", tools };
  return client.POST("/api/v1/policies/enforce", { body });
}

async function policies(agentId: string, id: string): Promise<void> {
  const made = given(
    await client.POST("/api/v1/policies", {
      params: { header: { "Idempotency-Key": randomUUID() } },
      body: {
        name: "no wire transfers",
        policyType: "tool_invocation",
        enforcementMode: "block",
        ruleDefinition: { denied_tools: ["wire_transfer"] },
        appliesToAgents: [id],
      },
    }),
  ).data;
  assert.equal(made.enforcementMode, "block");
  await eventually("the policy stops the tool", async () => {
    const answer = await enforce(agentId, ["wire_transfer"]);
    return answer.response.status === 403;
  });
  const stopped = await enforce(agentId, ["wire_transfer"]);
  assert.equal(stopped.error && "violations" in stopped.error, true);
  const allowed = await enforce(agentId, ["weather"]);
  assert.equal(given(allowed).allowed, true);

  const path = { id: made.id };
  const changed = given(
    await client.PATCH("/api/v1/policies/{id}", { params: { path }, body: { isActive: false } }),
  ).data;
  assert.equal(changed.isActive, false);
  const versions = await client.GET("/api/v1/policies/{id}/versions", { params: { path } });
  assert.equal(given(versions).data.length, 2);
  const stale = await client.DELETE("/api/v1/policies/{id}", {
    params: { path, header: { "If-Match": `"${made.version}"` } },
  });
  assert.equal(stale.response.status, 412);
  given(await client.DELETE("/api/v1/policies/{id}", { params: { path } }));
}

async function pause(agentId: string, id: string): Promise<void> {
  const path = { id };
  const turned = given(
    await client.PATCH("/api/v1/agents/{id}/pause", { params: { path }, body: { reason: "drill" } }),
  );
  assert.equal(turned.data.status, "paused");
  await eventually("a paused agent is stopped", async () => {
    return (await enforce(agentId, ["weather"])).response.status === 403;
  });
  const polled = await client.GET("/api/v1/agents/{id}/status-poll", { params: { path } });
  assert.equal(given(polled).data.status, "paused");
  const resumed = await client.PATCH("/api/v1/agents/{id}/resume", { params: { path } });
  assert.equal(given(resumed).data.status, "active");
  await eventually("it may act again", async () => {
    return (await enforce(agentId, ["weather"])).response.status === 200;
  });
}

async function grants(id: string): Promise<void> {
  const asked = await register(client, `typescript-${randomUUID()}`);
  const grant = given(
    await client.POST("/api/v1/agents/{id}/grants", {
      params: { path: { id } },
      body: { targetAgentId: asked.id, allowedActions: ["read"] },
    }),
  ).data;
  const authorize = (action: string) => {
    const body = { callerAgentId: id, calleeAgentId: asked.id, action };
    return client.POST("/api/v1/agents/authorize", { body });
  };
  await eventually("what was granted is authorized", async () => {
    return (await authorize("read")).response.status === 200;
  });
  assert.equal((await authorize("delete")).response.status, 403);
  const path = { id, grantId: grant.id };
  given(await client.DELETE("/api/v1/agents/{id}/grants/{grantId}", { params: { path } }));
  await eventually("a revoked grant is none", async () => {
    return (await authorize("read")).response.status === 403;
  });
}

async function webhooks(): Promise<void> {
  const body = { url: "https://hooks.example.com/writ", events: ["policy.violated", "agent.paused"] };
  const made = given(await client.POST("/api/v1/webhooks", { body })).data;
  assert.match(made.secret ?? "", /^whsec_/);
  const listed = given(await client.GET("/api/v1/webhooks", {}));
  assert.ok(listed.data.some((webhook) => webhook.id === made.id));
  const path = { id: made.id };
  const gone = await client.DELETE("/api/v1/webhooks/{id}", { params: { path } });
  assert.equal(given(gone).data.deleted, true);
}

const agentId = `typescript-${randomUUID()}`;
const agent = await register(client, agentId);
await eventually("the agent is known to enforcement", async () => {
  return (await enforce(agentId, ["weather"])).response.status === 200;
});
await policies(agentId, agent.id);
await pause(agentId, agent.id);
await grants(agent.id);
await webhooks();
const missing = await client.GET("/api/v1/agents/{id}", { params: { path: { id: "nobody" } } });
assert.equal(missing.error?.error.code, "AGENT_NOT_FOUND");
console.log("policies, pause, grants, webhooks and enforce: as documented");

// The public HTTP API and nothing else, by URLs relative to the page.

export class ApiError extends Error {
  constructor(code, detail, status = 0) {
    super(detail);
    this.code = code;
    this.status = status;
  }
}

export const get = (path, parameters = {}, signal) => ask(`v1/${path}${query(parameters)}`, { signal });

export const post = (path, body, signal) =>
  ask(`v1/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });

/** A path such as users/<id>/history, with the id as text of any kind. */
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

function query(parameters) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== undefined && one !== "") found.append(name, one);
  }
  const text = found.toString();
  return text && `?${text}`;
}

let token = null;
try { token = sessionStorage.getItem("palate-token"); } catch { /* it is asked for again */ }

/** What a service that is not for everyone wants to see with every question. */
export function useToken(text) {
  token = text;
  try { sessionStorage.setItem("palate-token", text); } catch { /* it holds until reload */ }
}

async function ask(url, options) {
  let answer;
  try {
    answer = await fetch(url, { ...options, headers: { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("unreachable", "The service does not answer. Is it still running?");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(body?.error ?? "error", body?.detail ?? `The service answered ${answer.status}.`, answer.status);
  return body;
}

/**
 * Only the newest question counts: run(ask, then) numbers them, ends the one before, and drops an answer that a newer
 * question has overtaken. `fail` hears what went wrong with the newest.
 */
export function newest(fail) {
  let number = 0;
  let running = null;
  return async (question, then) => {
    running?.abort();
    const mine = ++number;
    const controller = (running = new AbortController());
    try {
      const answer = await question(controller.signal);
      if (mine === number) then(answer);
    } catch (error) {
      if (mine === number && error.name !== "AbortError") fail(error);
    }
  };
}

let described = null;
/** What is served; asked once. */
export const model = () => (described ??= get("model").catch((error) => { described = null; throw error; }));

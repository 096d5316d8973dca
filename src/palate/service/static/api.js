// Requests to the public HTTP API, by URLs relative to the page.

import { t } from "./texts.js";

/** code: the API's error code; fromService: whether the message is the service's own, in English. */
export class ApiError extends Error {
  constructor(code, message, { status = 0, fromService = false } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.fromService = fromService;
  }
}

export const get = (path, parameters = {}, signal) => request(`v1/${path}${query(parameters)}`, { signal });

export const post = (path, body, signal) =>
  request(`v1/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });

/** A path such as users/<id>/history; the id may hold any character. */
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

function query(parameters) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    const values = [value].flat().filter((item) => item !== null && item !== undefined && item !== "");
    for (const item of values) fields.append(name, item);
  }
  const text = fields.toString();
  return text && `?${text}`;
}

let token = null;
try { token = sessionStorage.getItem("palate-token"); } catch { /* the page asks for the token again */ }

/** Send this token with every request. */
export function useToken(text) {
  token = text;
  try { sessionStorage.setItem("palate-token", text); } catch { /* the token lasts until the page is loaded again */ }
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, { ...options, headers: { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("unreachable", t("error.unreachable_text"));
  }
  const { status } = response;
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw body?.detail ? new ApiError(body.error, body.detail, { status, fromService: true }) : new ApiError("error", t("error.status", { status }), { status });
}

/**
 * Keep only the newest request: run(send, then) aborts the one before and drops a response that a newer request has
 * overtaken. `fail` is called with the error of the newest.
 */
export function newest(fail) {
  let latest = 0;
  let running = null;
  return async (send, then) => {
    running?.abort();
    const number = ++latest;
    const controller = (running = new AbortController());
    try {
      const response = await send(controller.signal);
      if (number === latest) then(response);
    } catch (error) {
      if (number === latest && error.name !== "AbortError") fail(error);
    }
  };
}

let modelInfo = null;
/** The served model; requested once. */
export const model = () => (modelInfo ??= get("model").catch((error) => { modelInfo = null; throw error; }));

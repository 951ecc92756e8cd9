/** A prediction of a model that found nothing; tests fill in what they are about. */
export const NONE = {
  model: "m",
  state: "ok",
  label: null,
  probability: null,
  findings: [],
  boxes: [],
  leftOut: 0,
  since: null,
  age_ms: null,
  version: null,
  seq: null,
};

"""Who may see what: the one place that decides. `docs/security.md` describes it, `document.py` what can be set.

A request passes `gate.py`, which has `Access` (`access.py`) find out who sent it and puts a `Viewer` into its scope.
Everything else asks that viewer: `may_see(camera)`, `may_see_predictions(camera)`.
"""

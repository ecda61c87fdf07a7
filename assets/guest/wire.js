/* Questions to the server. An answer is { ok, code, body }; code "line" means that none came. */
var Wire = (function () {
  'use strict';
  var WITHIN_MS = 90000;

  function read(text) {
    try { return JSON.parse(text); } catch (ignored) { return null; }
  }

  function ask(method, path, token, body, done, onprogress) {
    var request = new XMLHttpRequest();
    var told = false;
    function tell(answer) {
      if (told) return;
      told = true;
      done(answer);
    }
    request.open(method, path, true);
    request.timeout = WITHIN_MS;
    if (token) request.setRequestHeader('Authorization', 'Bearer ' + token);
    if (typeof body === 'string') request.setRequestHeader('Content-Type', 'application/json');
    else if (body) request.setRequestHeader('Content-Type', 'application/octet-stream');
    if (onprogress && request.upload) request.upload.onprogress = function (event) { onprogress(event.loaded); };
    request.onload = function () {
      var json = read(request.responseText);
      /* A page of somebody else's in between (a hotel's, a proxy's) is no answer of ours. */
      if (!json || !json.request_id) tell({ ok: false, code: 'line', body: null });
      else if (request.status >= 200 && request.status < 300) tell({ ok: true, code: '', body: json });
      else tell({ ok: false, code: json.code || 'other', body: json });
    };
    request.onerror = request.ontimeout = request.onabort = function () { tell({ ok: false, code: 'line', body: null }); };
    request.send(body || null);
    return request;
  }

  return { ask: ask };
})();

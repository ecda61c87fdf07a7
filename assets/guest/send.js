/* Files on their way: one at a time, chunk by chunk, going on by itself after every cut until it is told to stop. */
function Sender(token, changed, kept) {
  'use strict';
  var FIRST_PAUSE_MS = 1000;
  var LONGEST_PAUSE_MS = 30000;
  var queue = [];
  var current = null;
  var request = null;
  var timer = null;

  /* A name for the file, so that the same file chosen again after a reload goes on where it was. */
  function nameOf(file, kind, again) {
    var text = kind + '/' + file.name + '/' + file.size + '/' + (file.lastModified || 0);
    var a = 2166136261;
    var b = 5381;
    for (var i = 0; i < text.length; i += 1) {
      a = ((a ^ text.charCodeAt(i)) * 16777619) >>> 0;
      b = ((b * 33) ^ text.charCodeAt(i)) >>> 0;
    }
    return 'f-' + a.toString(16) + '-' + b.toString(16) + (again ? '-again' : '');
  }

  function slice(file, from, to) {
    var cut = file.slice || file.webkitSlice || file.mozSlice;
    return cut.call(file, from, to);
  }

  function received(item) {
    var bytes = 0;
    for (var i = 0; i < item.have.length; i += 1) if (item.have[i]) bytes += length(item, i);
    return bytes;
  }

  function length(item, index) {
    return Math.min(item.chunk, item.file.size - index * item.chunk);
  }

  function set(item, state) {
    item.state = state;
    changed(item);
  }

  function end(item, state) {
    if (current === item) current = null;
    item.pause = FIRST_PAUSE_MS;
    set(item, state);
    next();
  }

  /* The line or the server is away: later again, sooner when the phone says that it is back. */
  function later(item, step) {
    set(item, 'paused');
    timer = setTimeout(function () {
      timer = null;
      item.step = null;
      step(item);
    }, item.pause);
    item.step = step;
    item.pause = Math.min(item.pause * 2, LONGEST_PAUSE_MS);
  }

  function passes(code) {
    return code === 'line' || code === 'server.unavailable' || code === 'server.internal';
  }

  function failed(item, answer, step) {
    if (item.state === 'stopped') return;
    if (passes(answer.code)) return later(item, step);
    if (answer.code === 'document.incomplete' || answer.code === 'document.chunk_mismatch') return begin(item);
    item.code = answer.code === 'upload.refused' ? answer.body.params.why : answer.code;
    end(item, answer.code === 'upload.refused' ? 'refused' : 'failed');
  }

  function adopt(item, body) {
    item.upload = body.upload;
    item.chunk = body.chunk_bytes;
    item.have = body.have;
    item.hints = body.hints;
  }

  function begin(item) {
    set(item, 'sending');
    var wish = JSON.stringify({ kind: item.kind, size_bytes: item.file.size, file: item.name });
    request = Wire.ask('POST', '/v1/guest/uploads', token, wish, function (answer) {
      if (!answer.ok) return failed(item, answer, begin);
      adopt(item, answer.body);
      if (answer.body.kept) return done(item);
      send(item);
    });
  }

  function send(item) {
    var index = item.have.indexOf(false);
    item.sent = received(item);
    set(item, 'sending');
    if (index < 0) return complete(item);
    var from = index * item.chunk;
    var path = '/v1/guest/uploads/' + item.upload + '/chunks/' + index;
    var part = slice(item.file, from, from + length(item, index));
    request = Wire.ask('PUT', path, token, part, function (answer) {
      if (item.state === 'stopped') return;
      if (!answer.ok) return failed(item, answer, begin);
      item.pause = FIRST_PAUSE_MS;
      adopt(item, answer.body);
      send(item);
    }, function (loaded) {
      item.sent = received(item) + Math.min(loaded, length(item, index));
      changed(item);
    });
  }

  function complete(item) {
    item.sent = item.file.size;
    set(item, 'checking');
    request = Wire.ask('POST', '/v1/guest/uploads/' + item.upload + '/complete', token, null, function (answer) {
      if (!answer.ok) return failed(item, answer, complete);
      adopt(item, answer.body);
      done(item);
    });
  }

  function done(item) {
    item.sent = item.file.size;
    end(item, 'kept');
    kept(item);
  }

  function next() {
    if (current || queue.length === 0) return;
    current = queue.shift();
    begin(current);
  }

  function now() {
    if (!timer || !current || !current.step) return;
    clearTimeout(timer);
    timer = null;
    var step = current.step;
    current.step = null;
    step(current);
  }

  window.addEventListener('online', now);
  document.addEventListener('visibilitychange', function () { if (!document.hidden) now(); });

  return {
    add: function (file, kind, again) {
      var item = { file: file, kind: kind, name: nameOf(file, kind, again), have: [], chunk: 1, sent: 0, hints: [], code: '', pause: FIRST_PAUSE_MS, state: 'waiting' };
      queue.push(item);
      changed(item);
      next();
      return item;
    },
    again: function (item) {
      item.code = '';
      item.pause = FIRST_PAUSE_MS;
      item.state = 'waiting';
      queue.push(item);
      changed(item);
      next();
    },
    stop: function (item) {
      var waits = queue.indexOf(item);
      if (waits >= 0) queue.splice(waits, 1);
      item.state = 'stopped';
      if (current === item) {
        if (timer) clearTimeout(timer);
        timer = null;
        current = null;
        if (request) request.abort();
      }
      changed(item);
      next();
    },
    busy: function () { return current !== null || queue.length > 0; }
  };
}

/* The upload page: what is asked for, and the files on their way. Everything is text nodes; nothing is HTML from data. */
(function () {
  'use strict';
  var REFRESH_MS = 20000;
  var FORMATS = 'image/jpeg,image/png,image/webp,application/pdf';
  var token = location.hash.replace(/^#/, '');
  var known = null;
  var files = [];
  var rows = [];
  var chosen = {};

  function at(id) { return document.getElementById(id); }

  function make(tag, css, text) {
    var element = document.createElement(tag);
    if (css) element.className = css;
    if (text) element.appendChild(document.createTextNode(text));
    return element;
  }

  function say(text, css) {
    var told = at('told');
    told.className = 'told ' + (css || '');
    told.textContent = text;
  }

  var sender = new Sender(token, paint, refresh);

  function refresh() {
    Wire.ask('GET', '/v1/guest/case', token, null, function (answer) {
      if (!answer.ok) {
        if (answer.code !== 'line' || !known) say(Words.failed(answer.code), 'bad');
        if (answer.code.indexOf('link.') === 0) close();
        return;
      }
      known = answer.body;
      draw();
    });
  }

  /* The link is over: what is not sent stays on the phone, and no button pretends otherwise. */
  function close() {
    known = null;
    at('papers').textContent = '';
    at('privacy').textContent = '';
  }

  function isThere(status) { return status === 'attached' || status === 'accepted' || status === 'waived'; }

  function draw() {
    var words = Words.now();
    document.documentElement.lang = Words.language() === 'zh' ? 'zh-CN' : 'en';
    at('language').textContent = words.other_language;
    document.querySelector('.brand').textContent = words.brand;
    at('title').textContent = words.upload_title;
    at('safe').textContent = words.safe;
    if (!known) return;
    at('case-no').textContent = words.case_no + ' ' + known.case_no + ' · ' + words.valid_until + Words.moment(known.expires_at);
    at('privacy').textContent = words.privacy;
    var papers = at('papers');
    papers.textContent = '';
    rows = [];
    if (!known.open) return say(words.closed);
    var missing = 0;
    for (var i = 0; i < known.items.length; i += 1) {
      if (!isThere(known.items[i].status)) missing += 1;
      papers.appendChild(paper(known.items[i]));
    }
    papers.appendChild(paper({ any_of: known.others, status: '' }));
    say(missing === 0 ? words.all_there : words.some_missing(missing), missing === 0 ? 'good' : '');
  }

  function title(item) {
    if (item.status === '') return Words.now().more;
    var names = [];
    for (var i = 0; i < item.any_of.length; i += 1) names.push(Words.paper(item.any_of[i]));
    return names.join(Words.now().or);
  }

  function paper(item) {
    var words = Words.now();
    var key = item.any_of.join('+');
    var card = make('section', 'paper');
    card.setAttribute('data-kind', item.any_of[0]);
    var head = make('div', 'head');
    head.appendChild(make('h2', '', title(item)));
    if (item.status) {
      var css = isThere(item.status) ? 'chip ok' : item.status === 'missing' ? 'chip' : 'chip back';
      head.appendChild(make('span', css, words.status[item.status]));
    }
    card.appendChild(head);
    var reason = Words.language() === 'zh' ? item.reason_zh : item.reason_en;
    if (reason) card.appendChild(make('p', 'bad', words.reason + reason));
    if (item.status !== 'waived' && item.status !== 'accepted') card.appendChild(ways(item, key));
    var list = make('div', '');
    card.appendChild(list);
    for (var i = 0; i < files.length; i += 1) {
      if (item.any_of.indexOf(files[i].kind) >= 0 && files[i].key === key) list.appendChild(row(files[i]));
    }
    return card;
  }

  function ways(item, key) {
    var words = Words.now();
    var box = make('div', '');
    if (item.any_of.length > 1) {
      var id = 'kind-' + item.any_of[0];
      var label = make('label', 'small', words.is_a);
      label.htmlFor = id;
      var select = make('select', '');
      select.id = id;
      for (var i = 0; i < item.any_of.length; i += 1) {
        var option = make('option', '', Words.paper(item.any_of[i]));
        option.value = item.any_of[i];
        option.selected = chosen[key] === item.any_of[i];
        select.appendChild(option);
      }
      select.onchange = function () { chosen[key] = select.value; };
      box.appendChild(label);
      box.appendChild(select);
    }
    var buttons = make('div', 'buttons');
    buttons.appendChild(pick(item, key, true));
    buttons.appendChild(pick(item, key, false));
    box.appendChild(buttons);
    return box;
  }

  function pick(item, key, camera) {
    var words = Words.now();
    var label = make('label', camera ? 'pick main' : 'pick');
    var input = make('input', '');
    input.type = 'file';
    input.accept = camera ? 'image/*' : FORMATS;
    if (camera) input.setAttribute('capture', 'environment');
    else input.multiple = true;
    input.setAttribute('aria-label', (camera ? words.camera : words.album) + '：' + title(item));
    input.onchange = function () {
      var kind = chosen[key] || item.any_of[0];
      var again = item.status === 'returned' || item.status === 'rejected';
      for (var i = 0; i < input.files.length; i += 1) add(input.files[i], kind, key, again);
      input.value = '';
    };
    label.appendChild(input);
    label.appendChild(make('span', '', camera ? words.camera : words.album));
    return label;
  }

  function add(file, kind, key, again) {
    for (var i = 0; i < files.length; i += 1) {
      var same = files[i].file;
      /* Chosen twice: once is enough, unless the first try has ended. */
      if (files[i].key === key && same.name === file.name && same.size === file.size && same.lastModified === file.lastModified) {
        if (files[i].state === 'refused' || files[i].state === 'failed' || files[i].state === 'stopped') files.splice(i, 1);
        else return;
        break;
      }
    }
    var item = sender.add(file, kind, again);
    item.key = key;
    var maker = window.URL || window.webkitURL;
    if (maker && /^image\//.test(file.type)) item.picture = maker.createObjectURL(file);
    files.push(item);
    draw();
  }

  function row(item) {
    var box = make('div', 'file');
    box.setAttribute('data-state', item.state);
    if (item.picture) {
      var image = make('img', '');
      image.src = item.picture;
      image.alt = Words.paper(item.kind);
      box.appendChild(image);
    }
    var middle = make('div', 'words');
    middle.appendChild(make('div', '', Words.paper(item.kind)));
    var state = make('div', 'small');
    var bar = make('progress', '');
    bar.max = 100;
    middle.appendChild(state);
    middle.appendChild(bar);
    box.appendChild(middle);
    var button = make('button', 'plain');
    button.type = 'button';
    button.onclick = function () {
      if (item.state === 'failed' || item.state === 'refused' || item.state === 'stopped') sender.again(item);
      else sender.stop(item);
    };
    box.appendChild(button);
    var painted = { item: item, box: box, state: state, bar: bar, button: button };
    rows.push(painted);
    fill(painted);
    return box;
  }

  function fill(row) {
    var words = Words.now();
    var item = row.item;
    var percent = item.file.size === 0 ? 0 : Math.floor((item.sent / item.file.size) * 100);
    var text = { waiting: words.waiting, paused: words.paused, checking: words.checking, kept: words.kept, stopped: words.stopped }[item.state];
    var css = 'small';
    if (item.state === 'sending') text = percent + ' %';
    if (item.state === 'kept') {
      css = 'small good';
      for (var i = 0; i < item.hints.length; i += 1) text += '。' + (words.hint[item.hints[i]] || '');
    }
    if (item.state === 'refused' || item.state === 'failed') {
      css = 'small bad';
      text = item.state === 'refused' ? Words.why(item.code) : Words.failed(item.code);
    }
    var ends = item.state === 'failed' || item.state === 'refused' || item.state === 'stopped';
    row.box.setAttribute('data-state', item.state);
    row.state.className = css;
    row.state.textContent = text;
    row.bar.value = percent;
    row.bar.setAttribute('aria-label', Words.paper(item.kind) + ' ' + percent + ' %');
    row.bar.style.display = item.state === 'sending' || item.state === 'paused' ? '' : 'none';
    row.button.textContent = ends ? words.again : words.stop;
    row.button.style.display = item.state === 'kept' || item.state === 'checking' ? 'none' : '';
  }

  function paint(item) {
    for (var i = 0; i < rows.length; i += 1) if (rows[i].item === item) fill(rows[i]);
  }

  at('language').onclick = function () {
    Words.turn();
    draw();
  };
  window.onhashchange = function () { location.reload(); };
  window.onbeforeunload = function () { return sender.busy() ? Words.now().leaving : undefined; };
  document.addEventListener('visibilitychange', function () { if (!document.hidden && known) refresh(); });
  setInterval(function () { if (!document.hidden && known && !sender.busy()) quietly(); }, REFRESH_MS);

  /* What the office did meanwhile. A page in use is not drawn anew under the finger: only when something has changed. */
  function quietly() {
    Wire.ask('GET', '/v1/guest/case', token, null, function (answer) {
      if (!answer.ok || !known) return;
      var before = JSON.stringify([known.items, known.open]);
      known = answer.body;
      if (JSON.stringify([known.items, known.open]) !== before) draw();
    });
  }

  draw();
  if (token === '') {
    say(Words.failed('link.unknown'), 'bad');
  } else {
    say(Words.now().opening);
    refresh();
  }
})();

/* The progress page: a number and a code in, a stage out. */
(function () {
  'use strict';
  var LINE = ['collecting', 'reviewing', 'executing', 'unbound', 'closed'];
  var shown = null;

  function at(id) { return document.getElementById(id); }

  function make(tag, css, text) {
    var element = document.createElement(tag);
    if (css) element.className = css;
    if (text) element.appendChild(document.createTextNode(text));
    return element;
  }

  function say(text, css) {
    at('told').className = 'told ' + (css || '');
    at('told').textContent = text;
  }

  function draw() {
    var words = Words.now();
    document.documentElement.lang = Words.language() === 'zh' ? 'zh-CN' : 'en';
    at('language').textContent = words.other_language;
    document.querySelector('.brand').textContent = words.brand;
    at('title').textContent = words.progress_title;
    at('case-label').textContent = words.case_no;
    at('code-label').textContent = words.code;
    at('go').textContent = words.go;
    at('safe').textContent = words.safe;
    var answer = at('answer');
    answer.textContent = '';
    if (!shown) return;
    var card = make('section', 'paper');
    card.setAttribute('data-stage', shown.stage);
    card.appendChild(make('h2', '', words.stage[shown.stage]));
    card.appendChild(make('p', 'muted', shown.case_no + ' · ' + words.since + Words.moment(shown.since)));
    if (shown.promise_date) card.appendChild(make('p', '', words.promise + shown.promise_date));
    if (shown.missing.length > 0) {
      var names = [];
      for (var i = 0; i < shown.missing.length; i += 1) names.push(Words.paper(shown.missing[i]));
      card.appendChild(make('p', '', words.missing + names.join('、')));
      card.appendChild(make('p', 'muted', words.ask_link));
    }
    var place = LINE.indexOf(shown.stage === 'returned' ? 'collecting' : shown.stage);
    if (place >= 0) card.appendChild(stages(place));
    answer.appendChild(card);
  }

  function stages(place) {
    var list = make('ol', 'stages');
    for (var i = 0; i < LINE.length; i += 1) {
      var item = make('li', i < place ? 'done' : i === place ? 'now' : '', Words.now().stage[LINE[i]]);
      if (i === place) item.setAttribute('aria-current', 'step');
      list.appendChild(item);
    }
    return list;
  }

  at('language').onclick = function () {
    Words.turn();
    draw();
  };
  at('ask').onsubmit = function (event) {
    event.preventDefault();
    var number = at('case-no').value;
    var code = at('code').value;
    if (number === '' || code === '') return say(Words.failed('progress.wrong'), 'bad');
    at('go').disabled = true;
    say(Words.now().opening);
    Wire.ask('POST', '/v1/guest/progress', '', JSON.stringify({ case_no: number, code: code }), function (answer) {
      at('go').disabled = false;
      shown = answer.ok ? answer.body : null;
      say(answer.ok ? '' : Words.failed(answer.code), answer.ok ? '' : 'bad');
      draw();
    });
  };
  draw();
})();

/* The page that stops an announced unbind. Opening it changes nothing; one tap on its button does. */
(function () {
  'use strict';
  var token = location.hash.replace(/^#/, '');
  var shown = null;
  var told = { code: '', bad: false };

  function at(id) { return document.getElementById(id); }

  function make(tag, css, text) {
    var element = document.createElement(tag);
    if (css) element.className = css;
    if (text) element.appendChild(document.createTextNode(text));
    return element;
  }

  function draw() {
    var words = Words.now();
    document.documentElement.lang = Words.language() === 'zh' ? 'zh-CN' : 'en';
    at('language').textContent = words.other_language;
    document.querySelector('.brand').textContent = words.brand;
    at('title').textContent = words.stop_title;
    at('safe').textContent = words.stop_safe;
    at('told').className = 'told ' + (told.bad ? 'bad' : '');
    at('told').textContent = told.code === 'opening' ? words.opening : told.code ? Words.failed(told.code) : '';
    var answer = at('answer');
    answer.textContent = '';
    if (!shown) {
      if (told.bad && told.code === 'line') answer.appendChild(button(words.again, '', look));
      return;
    }
    var card = make('section', 'paper');
    card.setAttribute('data-state', shown.state);
    card.appendChild(make('h2', '', words.stop_state[shown.state]));
    card.appendChild(make('p', '', words.stop_terminal + shown.terminal_tail));
    card.appendChild(make('p', 'muted', words.stop_case + shown.case_tail));
    if (shown.state === 'waiting') card.appendChild(make('p', '', words.stop_when + Words.moment(shown.execute_after)));
    card.appendChild(make('p', '', words.stop_next[shown.state]));
    if (shown.heard && shown.state !== 'stopped') card.appendChild(make('p', 'strong', words.stop_heard));
    if (!shown.heard && shown.state !== 'ended') card.appendChild(button(words.stop_do, 'stop', stop));
    answer.appendChild(card);
  }

  function button(text, id, act) {
    var element = make('button', 'main', text);
    element.type = 'button';
    if (id) element.id = id;
    element.onclick = function () {
      element.disabled = true;
      act();
    };
    return element;
  }

  function ask(path) {
    Wire.ask('POST', path, '', JSON.stringify({ token: token }), function (reply) {
      if (reply.ok) shown = reply.body;
      told = { code: reply.ok ? '' : reply.code, bad: !reply.ok };
      draw();
    });
  }

  function look() {
    told = { code: 'opening', bad: false };
    draw();
    ask('/v1/guest/stop/look');
  }

  function stop() { ask('/v1/guest/stop'); }

  at('language').onclick = function () {
    Words.turn();
    draw();
  };
  if (token) look();
  else {
    told = { code: 'link.unknown', bad: true };
    draw();
  }
})();

/* The words of the pages. ES5 on purpose: old Android browsers read it too. */
var Words = (function () {
  'use strict';
  var all = {
    zh: {
      other_language: 'English',
      brand: '解绑台',
      upload_title: '上传资料',
      progress_title: '进度查询',
      case_no: '工单号',
      code: '查询码（8 位数字）',
      go: '查询',
      safe: '仅用于终端解绑审核。工作人员不会向您索要密码、验证码或任何费用。',
      privacy: '照片只用于审核本次解绑申请，仅受理人员可见。链接到期后自动失效。',
      opening: '正在打开…',
      valid_until: '链接有效期至 ',
      or: ' 或 ',
      is_a: '上传的是：',
      camera: '拍照',
      album: '从相册或文件选',
      more: '其他资料（可不传）',
      status: { missing: '待上传', returned: '需重拍', rejected: '未通过', attached: '已收到', accepted: '已通过', waived: '无需提供' },
      reason: '退回原因：',
      waiting: '排队中',
      paused: '网络断开，恢复后自动继续',
      checking: '正在检查照片…',
      kept: '已收到',
      stop: '取消',
      stopped: '已取消',
      again: '重试',
      all_there: '资料齐了，谢谢。可以关闭本页，坐席已经看到。',
      some_missing: function (n) { return '还差 ' + n + ' 项'; },
      closed: '工单已受理完毕，不再接收资料。如需补充，请联系坐席。',
      leaving: '照片还没有传完，离开后需要重新打开本页继续。',
      hint: { blurred: '照片有点模糊，建议再拍一张', too_small: '照片太小，建议靠近再拍一张', glare: '照片有反光，建议换个角度再拍一张', dark: '照片偏暗，建议到亮处再拍一张' },
      why: {
        'media.empty': '文件是空的，请重新拍照',
        'media.too_large': '文件太大，请选 20 MB 以内的照片',
        'media.too_many_pixels': '照片尺寸太大，请调低分辨率再拍',
        'media.too_many_pages': '页数太多，请只发需要的几页',
        'media.unsupported_type': '不支持这种文件，请直接拍照',
        'media.encrypted_pdf': '文档有密码，请直接拍照',
        other: '这份文件打不开，请重新拍照'
      },
      failed: {
        'link.unknown': '链接不对。请从短信里完整打开，或请坐席重新发送。',
        'link.over': '链接已失效。请联系坐席重新发送。',
        'link.full': '这个链接上传的文件太多了。请联系坐席重新发送。',
        'link.kind_not_asked': '这份资料已不需要。请刷新页面。',
        'request.too_large': '文件太大，请选 20 MB 以内的照片。',
        'progress.wrong': '工单号或查询码不对，请核对短信或回执。',
        'request.rate_limited': '试的次数太多，请稍后再查。',
        line: '网络不通，请检查网络后重试。',
        other: '系统繁忙，请稍后再试。'
      },
      stage: {
        collecting: '收集资料', reviewing: '资料审核中', returned: '资料退回，请补充', executing: '审核通过，正在解绑', unbound: '已解绑',
        closed: '已办结', rejected: '审核未通过', withdrawn: '已撤回', ended: '已结束，无需解绑'
      },
      since: '时间：',
      promise: '请在此日期前补齐资料：',
      missing: '还缺：',
      ask_link: '请让坐席把上传链接发到您的手机。',
      stop_title: '终端解绑提醒',
      stop_safe: '工作人员不会向您索要密码、验证码或任何费用。',
      stop_state: { waiting: '解绑申请已通过，尚未办理', stopped: '已停止办理', under_way: '正在办理', done: '已经办理', ended: '申请已结束，不会办理' },
      stop_next: {
        waiting: '如果是您本人申请的，不用操作。如果不是，请点下面的按钮，马上停止。',
        stopped: '这次解绑不会继续。工作人员会拨打您登记的号码核实，请留意来电。',
        under_way: '已经开始办理，无法自动停止。如果不是您本人申请的，请点下面的按钮，并立即致电受理网点。',
        done: '终端已经解绑。如果不是您本人申请的，请点下面的按钮，并立即致电受理网点。',
        ended: '您不用操作。'
      },
      stop_terminal: '终端尾号：',
      stop_case: '工单尾号：',
      stop_when: '最早办理时间：',
      stop_do: '不是我申请的，停止办理',
      stop_heard: '您的反馈已经收到，工作人员会尽快联系您。'
    },
    en: {
      other_language: '中文',
      brand: 'Unbind Desk',
      upload_title: 'Send your papers',
      progress_title: 'How far is my case?',
      case_no: 'Case number',
      code: 'Code (8 digits)',
      go: 'Show',
      safe: 'Only for the review of this unbinding. Nobody will ever ask you for a password, a code or a fee.',
      privacy: 'The photos serve the review of this request only and are seen only by those who handle it. The link ends by itself.',
      opening: 'Opening…',
      valid_until: 'The link is valid until ',
      or: ' or ',
      is_a: 'This is:',
      camera: 'Take a photo',
      album: 'Choose a file',
      more: 'Anything else (optional)',
      status: { missing: 'Missing', returned: 'Take again', rejected: 'Refused', attached: 'Received', accepted: 'Accepted', waived: 'Not needed' },
      reason: 'Why it came back: ',
      waiting: 'Waiting',
      paused: 'No network; it goes on by itself',
      checking: 'Looking at the photo…',
      kept: 'Received',
      stop: 'Cancel',
      stopped: 'Cancelled',
      again: 'Try again',
      all_there: 'Everything is here, thank you. You can close this page.',
      some_missing: function (n) { return n + ' still missing'; },
      closed: 'This case takes no more papers. Please call the desk if something is to be added.',
      leaving: 'The photos are not all sent yet.',
      hint: { blurred: 'The photo is a little blurred; a second one would help', too_small: 'The photo is small; come closer for a second one', glare: 'There is glare; try another angle', dark: 'The photo is dark; try more light' },
      why: {
        'media.empty': 'The file is empty; take the photo again',
        'media.too_large': 'The file is too large; 20 MB at most',
        'media.too_many_pixels': 'The photo has too many pixels; lower the resolution',
        'media.too_many_pages': 'Too many pages; send only those that are needed',
        'media.unsupported_type': 'This type is not taken; take a photo instead',
        'media.encrypted_pdf': 'The document has a password; take a photo instead',
        other: 'This file cannot be opened; take the photo again'
      },
      failed: {
        'link.unknown': 'The link is not right. Open it from the message as a whole, or ask for a new one.',
        'link.over': 'The link is over. Ask for a new one.',
        'link.full': 'Too many files came by this link. Ask for a new one.',
        'link.kind_not_asked': 'This paper is not needed any more. Reload the page.',
        'request.too_large': 'The file is too large; 20 MB at most.',
        'progress.wrong': 'Case number and code do not belong together.',
        'request.rate_limited': 'Too many tries; please wait a while.',
        line: 'No connection. Check the network and try again.',
        other: 'Not possible right now; please try again.'
      },
      stage: {
        collecting: 'Papers are being collected', reviewing: 'Under review', returned: 'Sent back for more papers', executing: 'Approved, being unbound', unbound: 'Unbound',
        closed: 'Done', rejected: 'Not approved', withdrawn: 'Withdrawn', ended: 'Ended, nothing to unbind'
      },
      since: 'Since: ',
      promise: 'Please send the missing papers by ',
      missing: 'Still missing: ',
      ask_link: 'Ask the desk for an upload link.',
      stop_title: 'Your terminal is to be unbound',
      stop_safe: 'Nobody will ever ask you for a password, a code or a fee.',
      stop_state: { waiting: 'Approved, not done yet', stopped: 'Stopped', under_way: 'Being done', done: 'Done', ended: 'The request has ended; nothing will be done' },
      stop_next: {
        waiting: 'If you asked for it, there is nothing to do. If you did not, press the button below to stop it at once.',
        stopped: 'This unbind does not go on. We will call your registered number to check; please take the call.',
        under_way: 'It has begun and cannot be stopped by itself. If you did not ask for it, press the button below and call the desk at once.',
        done: 'The terminal is unbound. If you did not ask for it, press the button below and call the desk at once.',
        ended: 'There is nothing to do.'
      },
      stop_terminal: 'Terminal ending in ',
      stop_case: 'Case ending in ',
      stop_when: 'Not before ',
      stop_do: 'I did not ask for this: stop it',
      stop_heard: 'We have your word and will be in touch soon.'
    }
  };
  var papers = {
    zh: {
      invoice: '发票', purchase_contract: '购机合同', lease_contract: '租机合同', receipt: '收据', id_card_front: '身份证人像面', id_card_back: '身份证国徽面',
      business_licence: '营业执照', power_of_attorney: '授权委托书', handler_id_front: '经办人身份证人像面', handler_id_back: '经办人身份证国徽面', police_receipt: '报警回执',
      loss_statement: '遗失声明', device_label: '机身标签照片', fault_photo: '故障照片', signed_form: '已签字的申请表', sales_slip: '签购单', transfer_agreement: '转让协议',
      licence_cancellation: '营业执照注销证明', other: '其他资料'
    },
    en: {
      invoice: 'Invoice', purchase_contract: 'Purchase contract', lease_contract: 'Lease contract', receipt: 'Receipt', id_card_front: 'ID card, portrait side', id_card_back: 'ID card, emblem side',
      business_licence: 'Business licence', power_of_attorney: 'Power of attorney', handler_id_front: 'Handler’s ID, portrait side', handler_id_back: 'Handler’s ID, emblem side', police_receipt: 'Police receipt',
      loss_statement: 'Statement of loss', device_label: 'Photo of the device label', fault_photo: 'Photo of the fault', signed_form: 'Signed form', sales_slip: 'Sales slip', transfer_agreement: 'Transfer agreement',
      licence_cancellation: 'Licence cancellation', other: 'Other'
    }
  };
  var language = /^zh/i.test(navigator.language || 'zh') ? 'zh' : 'en';

  function two(n) { return (n < 10 ? '0' : '') + n; }

  return {
    all: all,
    papers: papers,
    now: function () { return all[language]; },
    paper: function (kind) { return papers[language][kind] || kind; },
    language: function () { return language; },
    turn: function () { language = language === 'zh' ? 'en' : 'zh'; },
    /* An error's words, and those of a refused file. */
    failed: function (code) { return all[language].failed[code] || all[language].failed.other; },
    why: function (code) { return all[language].why[code] || all[language].why.other; },
    moment: function (ms) {
      var at = new Date(ms);
      return at.getFullYear() + '-' + two(at.getMonth() + 1) + '-' + two(at.getDate()) + ' ' + two(at.getHours()) + ':' + two(at.getMinutes());
    }
  };
})();

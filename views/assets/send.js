// Sends the answer to the client at once; without scripting the person's Continue does it.
// A field may be called "submit": take the method from the prototype.
(() => {
  const form = document.querySelector('form[data-send]');
  if (form) HTMLFormElement.prototype.submit.call(form);
})();

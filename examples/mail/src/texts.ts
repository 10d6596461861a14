// What users read. {name} is MAIL_NAME, {login} the address of the user, {time} how long the link is valid.

/** The texts of one kind of message. */
export interface Texts {
  subject: string;
  lead: string;
  button: string;
  /** For a user who did not cause the message. */
  unasked: string;
}

/** The texts that all messages have. */
interface Common {
  code: string;
  valid: string;
}

type Kinds = Record<"reset_password" | "verify_email", Texts>;

const en: Common & Kinds = {
  code: "Or copy this code into the page:",
  valid: "Link and code work once, for {time}.",
  reset_password: {
    subject: "Set a new password for {name}",
    lead: "A new password was requested for your account {login} at {name}.",
    button: "Set a new password",
    unasked: "If you did not request it, do nothing: your password stays as it is.",
  },
  verify_email: {
    subject: "Confirm your address for {name}",
    lead: "Confirm that this address belongs to your account {login} at {name}.",
    button: "Confirm address",
    unasked: "If you have no account there, do nothing: the address stays unconfirmed.",
  },
};

const de: typeof en = {
  code: "Oder kopieren Sie diesen Code in die Seite:",
  valid: "Link und Code gelten einmal und {time} lang.",
  reset_password: {
    subject: "Neues Passwort für {name} festlegen",
    lead: "Für Ihr Konto {login} bei {name} wurde ein neues Passwort angefordert.",
    button: "Neues Passwort festlegen",
    unasked: "Wenn Sie das nicht waren, tun Sie nichts: Ihr Passwort bleibt, wie es ist.",
  },
  verify_email: {
    subject: "Ihre Adresse für {name} bestätigen",
    lead: "Bestätigen Sie, dass diese Adresse zu Ihrem Konto {login} bei {name} gehört.",
    button: "Adresse bestätigen",
    unasked: "Wenn Sie dort kein Konto haben, tun Sie nichts: Die Adresse bleibt unbestätigt.",
  },
};

const fr: typeof en = {
  code: "Ou copiez ce code dans la page :",
  valid: "Le lien et le code servent une seule fois, pendant {time}.",
  reset_password: {
    subject: "Choisir un nouveau mot de passe pour {name}",
    lead: "Un nouveau mot de passe a été demandé pour votre compte {login} chez {name}.",
    button: "Choisir un nouveau mot de passe",
    unasked: "Si vous ne l’avez pas demandé, ne faites rien : votre mot de passe ne change pas.",
  },
  verify_email: {
    subject: "Confirmer votre adresse pour {name}",
    lead: "Confirmez que cette adresse est celle de votre compte {login} chez {name}.",
    button: "Confirmer l’adresse",
    unasked: "Si vous n’y avez pas de compte, ne faites rien : l’adresse reste non confirmée.",
  },
};

const es: typeof en = {
  code: "O copie este código en la página:",
  valid: "El enlace y el código sirven una sola vez, durante {time}.",
  reset_password: {
    subject: "Establecer una nueva contraseña para {name}",
    lead: "Se ha solicitado una nueva contraseña para su cuenta {login} en {name}.",
    button: "Establecer una nueva contraseña",
    unasked: "Si no la ha solicitado, no haga nada: su contraseña no cambia.",
  },
  verify_email: {
    subject: "Confirmar su dirección para {name}",
    lead: "Confirme que esta dirección pertenece a su cuenta {login} en {name}.",
    button: "Confirmar la dirección",
    unasked: "Si no tiene una cuenta allí, no haga nada: la dirección queda sin confirmar.",
  },
};

const ja: typeof en = {
  code: "または、次のコードをページに貼り付けてください。",
  valid: "リンクとコードは一度だけ使えます。有効期間は{time}です。",
  reset_password: {
    subject: "{name} の新しいパスワードの設定",
    lead: "{name} のアカウント {login} の新しいパスワードがリクエストされました。",
    button: "新しいパスワードを設定",
    unasked: "お心当たりがない場合は、何もしないでください。パスワードは変わりません。",
  },
  verify_email: {
    subject: "{name} のメールアドレスの確認",
    lead: "このメールアドレスが {name} のアカウント {login} のものであることを確認してください。",
    button: "アドレスを確認",
    unasked: "アカウントをお持ちでない場合は、何もしないでください。アドレスは確認されないままです。",
  },
};

const ar: typeof en = {
  code: "أو انسخ هذا الرمز إلى الصفحة:",
  valid: "يعمل الرابط والرمز مرة واحدة، لمدة {time}.",
  reset_password: {
    subject: "تعيين كلمة مرور جديدة لـ {name}",
    lead: "تم طلب كلمة مرور جديدة لحسابك {login} لدى {name}.",
    button: "تعيين كلمة مرور جديدة",
    unasked: "إذا لم تطلب ذلك، فلا تفعل شيئًا: تبقى كلمة مرورك كما هي.",
  },
  verify_email: {
    subject: "تأكيد عنوانك لـ {name}",
    lead: "أكِّد أن هذا العنوان يخص حسابك {login} لدى {name}.",
    button: "تأكيد العنوان",
    unasked: "إذا لم يكن لديك حساب هناك، فلا تفعل شيئًا: يبقى العنوان غير مؤكد.",
  },
};

const TEXTS = { en, de, fr, es, ja, ar };

export type Language = keyof typeof TEXTS;

export function isLanguage(tag: unknown): tag is Language {
  return typeof tag === "string" && Object.hasOwn(TEXTS, tag);
}

export function textsOf(language: Language): Common & Kinds {
  return TEXTS[language];
}

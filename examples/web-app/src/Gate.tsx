export function Gate() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className="gate">
      <path d="M4 29V14a12 12 0 0 1 24 0v15" fill="none" stroke="currentColor" strokeWidth="3" />
      <path d="M10 29V13m6 16V11m6 18V13M6 18h20M6 24h20" stroke="currentColor" strokeWidth="2" />
    </svg>
  );
}

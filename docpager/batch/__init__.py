"""Many questions: questions.jsonl in, answers.jsonl out, resumable."""

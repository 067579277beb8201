// The model API as the official clients use it, and as they share it.
import './model/openai.mjs';
import './model/ollama.mjs';
import './model/anthropic.mjs';
import './model/ai_sdk.mjs';
import './model/sharing.mjs';
import './model/failures.mjs';
import './model/openclaw.mjs';
import './model/behaviour.mjs';

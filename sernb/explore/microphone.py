"""A microphone in the notebook: a button that records, and the recording as the bytes of a WAV file."""

import anywidget
import traitlets

#: The browser's recorder gives a compressed recording; it is decoded there and sent as 16-bit mono WAV.
SCRIPT = """
function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, x)) * 32767, true));
  return view;
}

async function decoded(blob) {
  const context = new AudioContext();
  const found = await context.decodeAudioData(await blob.arrayBuffer());
  await context.close();
  const mono = new Float32Array(found.length), channels = found.numberOfChannels;
  for (let c = 0; c < channels; c++) found.getChannelData(c).forEach((x, i) => { mono[i] += x / channels; });
  return wav(mono, found.sampleRate);
}

function render({ model, el }) {
  const button = document.createElement("button"), told = document.createElement("span");
  button.className = "jupyter-button sernb-microphone";
  button.textContent = "record";
  told.style.marginLeft = "8px";
  el.append(button, told);
  let recorder = null;
  button.onclick = async () => {
    if (recorder) { recorder.stop(); return; }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const parts = [];
      const own = recorder = new MediaRecorder(stream);
      own.ondataavailable = (event) => parts.push(event.data);
      own.onstop = async () => {
        stream.getTracks().forEach((track) => track.stop());
        recorder = null;
        button.textContent = "record";
        try {
          model.set("recording", await decoded(new Blob(parts, { type: own.mimeType })));
          model.save_changes();
          told.textContent = "";
        } catch (error) {
          told.textContent = `The recording cannot be decoded: ${error.message}`;
        }
      };
      own.start();
      button.textContent = "stop";
      told.textContent = "recording …";
    } catch (error) {
      recorder = null;
      told.textContent = `No microphone: ${error.message}. Browsers allow it on this machine or over https only; upload a file instead.`;
    }
  };
}
export default { render };
"""


class Microphone(anywidget.AnyWidget):
    """`recording` holds the latest recording as a mono WAV file of 16 bits at the browser's rate; b"" before the first."""

    _esm = SCRIPT
    recording = traitlets.Bytes(b"").tag(
        sync=True, from_json=lambda sent, _: bytes(sent)
    )  # sent is a memoryview

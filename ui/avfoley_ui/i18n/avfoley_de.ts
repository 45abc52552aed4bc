<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Columns</name>
    <message>
        <source>Shots</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Listen</source>
        <translation>Abhören</translation>
    </message>
    <message>
        <source>Generate</source>
        <translation>Erzeugen</translation>
    </message>
</context>
<context>
    <name>Controller</name>
    <message>
        <source>Take deleted. Undo restores it.</source>
        <translation>Take gelöscht. „Rückgängig“ stellt ihn wieder her.</translation>
    </message>
    <message>
        <source>Nothing is selected in the editing program. In Kdenlive, set the timeline zone with I and O.</source>
        <translation>Im Schnittprogramm ist nichts ausgewählt. In Kdenlive den Bereich der Zeitleiste mit I und O setzen.</translation>
    </message>
    <message>
        <source>Nothing to generate.</source>
        <translation>Es gibt nichts zu erzeugen.</translation>
    </message>
    <message numerus="yes">
        <source>Looking for events in %n shot(s)…</source>
        <translation>
            <numerusform>Ereignisse werden in %n Einstellung gesucht…</numerusform>
            <numerusform>Ereignisse werden in %n Einstellungen gesucht…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n event(s) marked.</source>
        <translation>
            <numerusform>%n Ereignis markiert.</numerusform>
            <numerusform>%n Ereignisse markiert.</numerusform>
        </translation>
    </message>
    <message>
        <source>{0} is no longer on the timeline. Its takes are in {1}.</source>
        <translation>{0} ist nicht mehr auf der Timeline. Die Takes liegen in {1}.</translation>
    </message>
</context>
<context>
    <name>EngineBar</name>
    <message>
        <source>Models…</source>
        <translation>Modelle…</translation>
    </message>
    <message>
        <source>Engine: {0}</source>
        <translation>Engine: {0}</translation>
    </message>
    <message>
        <source>Starting the engine</source>
        <translation>Engine startet</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>Bereit</translation>
    </message>
    <message>
        <source>Working</source>
        <translation>Arbeitet</translation>
    </message>
    <message>
        <source>Engine lost; restarting</source>
        <translation>Engine weg; Neustart läuft</translation>
    </message>
    <message>
        <source>Engine failed</source>
        <translation>Engine ausgefallen</translation>
    </message>
    <message>
        <source>Engine stopped; starts when needed</source>
        <translation>Engine beendet; startet bei Bedarf</translation>
    </message>
    <message>
        <source>Engine unavailable</source>
        <translation>Engine nicht verfügbar</translation>
    </message>
</context>
<context>
    <name>FilmStrip</name>
    <message>
        <source>Frames of the shot and onsets of the take</source>
        <translation>Bilder der Einstellung und Einsätze des Takes</translation>
    </message>
    <message>
        <source>Event, {0} % sure</source>
        <translation>Ereignis, zu {0} % sicher</translation>
    </message>
</context>
<context>
    <name>Listening</name>
    <message>
        <source>Select a shot.</source>
        <translation>Eine Einstellung auswählen.</translation>
    </message>
    <message>
        <source>Generating: {0}%</source>
        <translation>Wird erzeugt: {0} %</translation>
    </message>
    <message>
        <source>Copied {0} to the clipboard.</source>
        <translation>{0} in die Zwischenablage kopiert.</translation>
    </message>
    <message>
        <source>No picture: this sound is generated from its caption alone.</source>
        <translation>Kein Bild: dieser Ton entsteht allein aus seiner Beschreibung.</translation>
    </message>
    <message>
        <source>Cannot show the picture: {0}</source>
        <translation>Das Bild kann nicht angezeigt werden: {0}</translation>
    </message>
    <message>
        <source>This sound has no picture yet.</source>
        <translation>Dieser Klang hat noch kein Bild.</translation>
    </message>
</context>
<context>
    <name>MakingForm</name>
    <message>
        <source>Draft</source>
        <translation>Entwurf</translation>
    </message>
    <message>
        <source>Standard</source>
        <translation>Standard</translation>
    </message>
    <message>
        <source>Fine</source>
        <translation>Fein</translation>
    </message>
    <message>
        <source> fr</source>
        <translation> B.</translation>
    </message>
    <message>
        <source>Regenerate changed</source>
        <translation>Geänderte neu erzeugen</translation>
    </message>
    <message>
        <source>Spot events</source>
        <translation>Ereignisse markieren</translation>
    </message>
    <message>
        <source>Mark what begins to sound in the selected shots, and when</source>
        <translation>Markieren, was in den gewählten Einstellungen wann zu klingen beginnt</translation>
    </message>
    <message numerus="yes">
        <source>Regenerate changed (%n)</source>
        <translation>
            <numerusform>Geänderte neu erzeugen (%n)</numerusform>
            <numerusform>Geänderte neu erzeugen (%n)</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n solver step(s)</source>
        <translation>
            <numerusform>%n Lösungsschritt</numerusform>
            <numerusform>%n Lösungsschritte</numerusform>
        </translation>
    </message>
    <message>
        <source>With {0}: the selected model cannot do this</source>
        <translation>Mit {0}: das gewählte Modell kann das nicht</translation>
    </message>
    <message numerus="yes">
        <source>%n shot(s), {0} s</source>
        <translation>
            <numerusform>%n Einstellung, {0} s</numerusform>
            <numerusform>%n Einstellungen, {0} s</numerusform>
        </translation>
    </message>
    <message>
        <source>The selected model makes sound for the picture alone. It does not read captions.</source>
        <translation>Das gewählte Modell vertont allein das Bild. Es liest keine Beschreibungen.</translation>
    </message>
    <message>
        <source>&amp;Caption</source>
        <translation>&amp;Beschreibung</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>&amp;Modell</translation>
    </message>
    <message>
        <source>&amp;Quality</source>
        <translation>&amp;Qualität</translation>
    </message>
    <message>
        <source>&amp;Seed</source>
        <translation>&amp;Seed</translation>
    </message>
    <message>
        <source>&amp;Takes</source>
        <translation>&amp;Takes</translation>
    </message>
    <message>
        <source>&amp;Handles</source>
        <translation>&amp;Überhang</translation>
    </message>
    <message>
        <source>Caption of the selected shots: what their next takes are generated from</source>
        <translation>Beschreibung der ausgewählten Einstellungen: daraus entstehen ihre nächsten Takes</translation>
    </message>
    <message>
        <source>waiting for the engine…</source>
        <translation>wartet auf die Engine…</translation>
    </message>
    <message>
        <source>Lock the seed; unlocked, each run draws a new one</source>
        <translation>Seed festhalten; sonst bekommt jeder Lauf einen neuen</translation>
    </message>
    <message>
        <source>New random seed</source>
        <translation>Neuer zufälliger Seed</translation>
    </message>
    <message>
        <source>Frames of extra sound before and after the shot, as far as its source media reaches</source>
        <translation>Zusätzlicher Ton vor und nach der Einstellung, in Bildern, so weit das Quellmaterial reicht</translation>
    </message>
    <message>
        <source>several captions; text entered here replaces them all</source>
        <translation>mehrere Beschreibungen; Text hier ersetzt sie alle</translation>
    </message>
    <message>
        <source>Select the shots to generate sound for.</source>
        <translation>Einstellungen auswählen, die Ton bekommen sollen.</translation>
    </message>
    <message>
        <source>The caption has changed since the take in use was generated.</source>
        <translation>Die Beschreibung hat sich geändert, seit der verwendete Take erzeugt wurde.</translation>
    </message>
    <message>
        <source>&amp;Negative prompt</source>
        <translation>&amp;Negativ-Prompt</translation>
    </message>
    <message>
        <source>Length</source>
        <translation>Länge</translation>
    </message>
</context>
<context>
    <name>ModelsDialog</name>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
</context>
<context>
    <name>Notice</name>
    <message>
        <source>Dismiss</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>PanelWindow</name>
    <message>
        <source>Menu</source>
        <translation>Menü</translation>
    </message>
    <message>
        <source>Open…</source>
        <translation>Öffnen…</translation>
    </message>
    <message>
        <source>Open recent</source>
        <translation>Zuletzt geöffnet</translation>
    </message>
    <message>
        <source>Follow the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>Takes are still being generated. Finished takes are kept; the rest are cancelled.</source>
        <translation>Es werden noch Takes erzeugt. Fertige bleiben erhalten, die übrigen werden abgebrochen.</translation>
    </message>
    <message>
        <source>Loaded the take&apos;s seed and settings into the form.</source>
        <translation>Seed und Einstellungen des Takes ins Formular übernommen.</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Erscheinungsbild</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Close the panel?</source>
        <translation>Panel schließen?</translation>
    </message>
</context>
<context>
    <name>Picture</name>
    <message>
        <source>Picture</source>
        <translation>Bild</translation>
    </message>
</context>
<context>
    <name>QueueModel</name>
    <message>
        <source>unnamed clip</source>
        <translation>unbenannter Clip</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>wartet</translation>
    </message>
    <message>
        <source>cancelling</source>
        <translation>wird abgebrochen</translation>
    </message>
    <message>
        <source>{0}%</source>
        <translation>{0} %</translation>
    </message>
    <message>
        <source>{0}%, {1} left</source>
        <translation>{0} %, noch {1}</translation>
    </message>
</context>
<context>
    <name>QueueView</name>
    <message>
        <source>Cancel all</source>
        <translation>Alle abbrechen</translation>
    </message>
    <message>
        <source>Overall progress</source>
        <translation>Gesamtfortschritt</translation>
    </message>
    <message>
        <source>Cancels everything that is not finished</source>
        <translation>Bricht alles ab, was noch nicht fertig ist</translation>
    </message>
    <message>
        <source>Queue</source>
        <translation>Warteschlange</translation>
    </message>
    <message numerus="yes">
        <source>%n shot(s) to go</source>
        <translation>
            <numerusform>noch %n Einstellung</numerusform>
            <numerusform>noch %n Einstellungen</numerusform>
        </translation>
    </message>
    <message>
        <source>about {0} left</source>
        <translation>etwa {0}</translation>
    </message>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>%n fehlgeschlagen</numerusform>
            <numerusform>%n fehlgeschlagen</numerusform>
        </translation>
    </message>
    <message>
        <source>The queue is empty.</source>
        <translation>Die Warteschlange ist leer.</translation>
    </message>
</context>
<context>
    <name>RunThread</name>
    <message>
        <source>Unexpected error ({0}: {1}). Please report it.</source>
        <translation>Unerwarteter Fehler ({0}: {1}). Bitte melden.</translation>
    </message>
</context>
<context>
    <name>Shortcuts</name>
    <message>
        <source>Open a video or timeline</source>
        <translation>Video oder Timeline öffnen</translation>
    </message>
    <message>
        <source>Search shots</source>
        <translation>Einstellungen suchen</translation>
    </message>
    <message>
        <source>Go to Shots</source>
        <translation>Zu „Einstellungen“</translation>
    </message>
    <message>
        <source>Go to Listen</source>
        <translation>Zu „Abhören“</translation>
    </message>
    <message>
        <source>Go to Generate</source>
        <translation>Zu „Erzeugen“</translation>
    </message>
    <message>
        <source>Edit the caption in the list</source>
        <translation>Beschreibung in der Liste bearbeiten</translation>
    </message>
    <message>
        <source>Generate takes for the selection</source>
        <translation>Takes für die Auswahl erzeugen</translation>
    </message>
    <message>
        <source>Regenerate the changed shots</source>
        <translation>Geänderte Einstellungen neu erzeugen</translation>
    </message>
    <message>
        <source>Spot events in the selection</source>
        <translation>Ereignisse in der Auswahl markieren</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>Play / pause</source>
        <translation>Abspielen / anhalten</translation>
    </message>
    <message>
        <source>Play backwards; press again for faster</source>
        <translation>Rückwärts abspielen; nochmals drücken: schneller</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Play forwards; press again for faster</source>
        <translation>Vorwärts abspielen; nochmals drücken: schneller</translation>
    </message>
    <message>
        <source>Previous frame</source>
        <translation>Voriges Bild</translation>
    </message>
    <message>
        <source>Next frame</source>
        <translation>Nächstes Bild</translation>
    </message>
    <message>
        <source>Previous onset</source>
        <translation>Voriger Einsatz</translation>
    </message>
    <message>
        <source>Next onset</source>
        <translation>Nächster Einsatz</translation>
    </message>
    <message>
        <source>Go to start</source>
        <translation>Zum Anfang</translation>
    </message>
    <message>
        <source>Previous shot</source>
        <translation>Vorige Einstellung</translation>
    </message>
    <message>
        <source>Next shot</source>
        <translation>Nächste Einstellung</translation>
    </message>
    <message>
        <source>Loop</source>
        <translation>Schleife</translation>
    </message>
    <message>
        <source>A/B: switch to the previous take</source>
        <translation>A/B: zum vorigen Take wechseln</translation>
    </message>
    <message>
        <source>Use the current take</source>
        <translation>Aktuellen Take verwenden</translation>
    </message>
    <message>
        <source>Star the current take</source>
        <translation>Aktuellen Take merken</translation>
    </message>
    <message>
        <source>Delete the current take</source>
        <translation>Aktuellen Take löschen</translation>
    </message>
    <message>
        <source>Copy the current take as a file</source>
        <translation>Aktuellen Take als Datei kopieren</translation>
    </message>
    <message>
        <source>Zoom in at the playhead</source>
        <translation>An der Abspielposition vergrößern</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>Verkleinern</translation>
    </message>
    <message>
        <source>Zoom to the whole shot</source>
        <translation>Ganze Einstellung zeigen</translation>
    </message>
    <message>
        <source>Dismiss the message, or leave the field</source>
        <translation>Meldung schließen oder Feld verlassen</translation>
    </message>
    <message>
        <source>Cancel everything in the queue</source>
        <translation>Ganze Warteschlange abbrechen</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>Play the take with that number</source>
        <translation>Take mit dieser Nummer abspielen</translation>
    </message>
</context>
<context>
    <name>ShotsModel</name>
    <message>
        <source>generating</source>
        <translation>wird erzeugt</translation>
    </message>
    <message>
        <source>new</source>
        <translation>neu</translation>
    </message>
    <message>
        <source>changed</source>
        <translation>geändert</translation>
    </message>
    <message numerus="yes">
        <source>%n take(s)</source>
        <translation>
            <numerusform>%n Take</numerusform>
            <numerusform>%n Takes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n frame(s)</source>
        <translation>
            <numerusform>%n Bild</numerusform>
            <numerusform>%n Bilder</numerusform>
        </translation>
    </message>
    <message>
        <source>no caption</source>
        <translation>keine Beschreibung</translation>
    </message>
</context>
<context>
    <name>ShotsView</name>
    <message>
        <source>All shots</source>
        <translation>Alle</translation>
    </message>
    <message>
        <source>New</source>
        <translation>Neue</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>Geänderte</translation>
    </message>
    <message>
        <source>Sort shots</source>
        <translation>Einstellungen sortieren</translation>
    </message>
    <message>
        <source>By timecode</source>
        <translation>Nach Timecode</translation>
    </message>
    <message>
        <source>Search names and captions</source>
        <translation>In Namen und Beschreibungen suchen</translation>
    </message>
    <message>
        <source>Search shots</source>
        <translation>Einstellungen suchen</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertige</translation>
    </message>
    <message>
        <source>By name</source>
        <translation>Nach Name</translation>
    </message>
    <message>
        <source>By length</source>
        <translation>Nach Länge</translation>
    </message>
    <message>
        <source>By state</source>
        <translation>Nach Zustand</translation>
    </message>
    <message>
        <source>By caption</source>
        <translation>Nach Beschreibung</translation>
    </message>
    <message>
        <source>Filter by state</source>
        <translation>Nach Zustand filtern</translation>
    </message>
    <message>
        <source>Use the editing program&apos;s selection</source>
        <translation>Auswahl des Schnittprogramms übernehmen</translation>
    </message>
    <message>
        <source>Shots</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Sounds</source>
        <translation>Klänge</translation>
    </message>
</context>
<context>
    <name>SoundView</name>
    <message>
        <source>Waveform and spectrogram</source>
        <translation>Wellenform und Spektrogramm</translation>
    </message>
</context>
<context>
    <name>TakeLane</name>
    <message>
        <source>Star</source>
        <translation>Merken</translation>
    </message>
    <message>
        <source>Use this take</source>
        <translation>Diesen Take verwenden</translation>
    </message>
    <message>
        <source>Delete this take</source>
        <translation>Diesen Take löschen</translation>
    </message>
    <message>
        <source>Load this take&apos;s seed and settings into the form</source>
        <translation>Seed und Einstellungen dieses Takes ins Formular übernehmen</translation>
    </message>
    <message>
        <source>Play take {0}</source>
        <translation>Take {0} abspielen</translation>
    </message>
    <message>
        <source>Play take {0} from the playhead ({1})</source>
        <translation>Take {0} ab der Abspielposition abspielen ({1})</translation>
    </message>
    <message>
        <source>seed {0}</source>
        <translation>Seed {0}</translation>
    </message>
    <message>
        <source>not supported by this panel</source>
        <translation>von diesem Panel nicht unterstützt</translation>
    </message>
    <message>
        <source>in use</source>
        <translation>verwendet</translation>
    </message>
    <message>
        <source>starred</source>
        <translation>gemerkt</translation>
    </message>
    <message>
        <source>Take {0}, {1}</source>
        <translation>Take {0}, {1}</translation>
    </message>
</context>
<context>
    <name>TakeLanes</name>
    <message>
        <source>Takes</source>
        <translation>Takes</translation>
    </message>
</context>
<context>
    <name>Task</name>
    <message>
        <source>Generate</source>
        <translation>Erzeugen</translation>
    </message>
    <message>
        <source>foley for a picture</source>
        <translation>Foley zum Bild</translation>
    </message>
    <message>
        <source>Describe the sound, e.g. boots on gravel</source>
        <translation>Ton beschreiben, z. B. Stiefel auf Kies</translation>
    </message>
    <message>
        <source>Sounds to avoid, e.g. music</source>
        <translation>Unerwünschte Klänge, z. B. Musik</translation>
    </message>
    <message>
        <source>No takes yet. Write a caption and press Generate.</source>
        <translation>Noch keine Takes. Beschreibung eingeben und „Erzeugen“ drücken.</translation>
    </message>
    <message>
        <source>Visualize</source>
        <translation>Bebildern</translation>
    </message>
    <message>
        <source>picture for a sound</source>
        <translation>Bild zum Ton</translation>
    </message>
    <message>
        <source>Describe the picture, e.g. a bell in a tower</source>
        <translation>Bild beschreiben, z. B. eine Glocke im Turm</translation>
    </message>
    <message>
        <source>Things to avoid in the picture</source>
        <translation>Was im Bild unerwünscht ist</translation>
    </message>
    <message>
        <source>No picture yet. Press Visualize.</source>
        <translation>Noch kein Bild. „Bebildern“ drücken.</translation>
    </message>
    <message>
        <source>{0} (not supported by this panel)</source>
        <translation>{0} (von diesem Panel nicht unterstützt)</translation>
    </message>
    <message>
        <source>events in a picture</source>
        <translation>Ereignisse in einem Bild</translation>
    </message>
</context>
<context>
    <name>Transport</name>
    <message>
        <source>Play</source>
        <translation>Abspielen</translation>
    </message>
    <message>
        <source>Timeline timecode at the playhead</source>
        <translation>Timecode der Timeline an der Abspielposition</translation>
    </message>
    <message>
        <source>Time from the start of the shot / length of the shot</source>
        <translation>Zeit seit Beginn der Einstellung / Länge der Einstellung</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>Foley for your picture</source>
        <translation>Foley zu deinem Bild</translation>
    </message>
    <message>
        <source>Drop a video or timeline (.otio, .kdenlive, …) here. Select shots, describe their sound and press Generate. The takes, in sync with the picture, come back on a track of their own.</source>
        <translation>Video oder Timeline (.otio, .kdenlive, …) hierher ziehen. Einstellungen auswählen, ihren Ton beschreiben und „Erzeugen“ drücken. Die Takes liegen dann bildsynchron auf einer eigenen Spur.</translation>
    </message>
    <message>
        <source>Open a video or timeline…</source>
        <translation>Video oder Timeline öffnen…</translation>
    </message>
    <message>
        <source>Opening {0}…</source>
        <translation>{0} wird geöffnet…</translation>
    </message>
    <message>
        <source>Open {0}</source>
        <translation>{0} öffnen</translation>
    </message>
</context>
<context>
    <name>_Card</name>
    <message>
        <source>Caption</source>
        <translation>Beschreibung</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} s</translation>
    </message>
    <message>
        <source>{0}%</source>
        <translation>{0} %</translation>
    </message>
</context>
<context>
    <name>_Grip</name>
    <message>
        <source>Drag this take out as a file; Ctrl+C copies the current take</source>
        <translation>Diesen Take als Datei herausziehen; Strg+C kopiert den aktuellen</translation>
    </message>
    <message>
        <source>Drag this take out as a file</source>
        <translation>Diesen Take als Datei herausziehen</translation>
    </message>
</context>
<context>
    <name>_ModelRow</name>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>on this machine</source>
        <translation>auf diesem Rechner</translation>
    </message>
    <message>
        <source>not downloaded</source>
        <translation>nicht geladen</translation>
    </message>
    <message>
        <source>Resume download</source>
        <translation>Download fortsetzen</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>Herunterladen</translation>
    </message>
    <message>
        <source>Licence: {0}</source>
        <translation>Lizenz: {0}</translation>
    </message>
</context>
</TS>

<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Controller</name>
    <message>
        <source>The take was deleted; undo brings it back.</source>
        <extracomment>How long a run may take to place what it has when the panel closes, in seconds. A line for the user, and whether it tells of something that went wrong.</extracomment>
        <translation>Der Take wurde gelöscht; Rückgängig holt ihn zurück.</translation>
    </message>
    <message>
        <source>No shot is selected there. In Kdenlive, set the timeline&apos;s zone with I and O.</source>
        <translation>Dort ist keine Einstellung ausgewählt. In Kdenlive den Bereich der Zeitleiste mit I und O setzen.</translation>
    </message>
    <message>
        <source>There is nothing to make.</source>
        <translation>Es gibt nichts zu erzeugen.</translation>
    </message>
    <message>
        <source>{0} is no longer on the timeline; its takes are in {1}.</source>
        <translation>{0} ist nicht mehr auf der Timeline; die Takes liegen in {1}.</translation>
    </message>
    <message>
        <source>The panel did not foresee this ({0}: {1}); please report it.</source>
        <translation>Damit hat das Panel nicht gerechnet ({0}: {1}); bitte melden.</translation>
    </message>
</context>
<context>
    <name>EngineBar</name>
    <message>
        <source>Models…</source>
        <translation>Modelle…</translation>
    </message>
    <message>
        <source>processor</source>
        <translation>Prozessor</translation>
    </message>
    <message>
        <source>Engine: {0}</source>
        <translation>Engine: {0}</translation>
    </message>
    <message>
        <source>The engine is starting</source>
        <translation>Die Engine startet</translation>
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
        <source>The engine went away; it is starting again</source>
        <translation>Die Engine war weg; sie startet neu</translation>
    </message>
    <message>
        <source>The engine cannot work</source>
        <translation>Die Engine kann nicht arbeiten</translation>
    </message>
    <message>
        <source>Asleep; wakes when needed</source>
        <translation>Schläft; wacht bei Bedarf auf</translation>
    </message>
    <message>
        <source>No engine</source>
        <translation>Keine Engine</translation>
    </message>
</context>
<context>
    <name>FilmStrip</name>
    <message>
        <source>Frames of the shot, and the onsets of the take</source>
        <translation>Bilder der Einstellung und die Einsätze des Takes</translation>
    </message>
</context>
<context>
    <name>Listening</name>
    <message>
        <source>To the start</source>
        <extracomment>How large the picture is decoded: the first of these that is as wide as it is shown. In a narrower panel the time is told as timecode only. The picture&apos;s least share of the height, before takes have to be scrolled. Sounds kept in memory. Frames in the lane of a take that is a picture. Sound and onsets as the views show them. What the strip&apos;s frames are of.</extracomment>
        <translation>Zum Anfang</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Abspielen</translation>
    </message>
    <message>
        <source>Loop</source>
        <translation>Schleife</translation>
    </message>
    <message>
        <source>A/B: the take heard before</source>
        <translation>A/B: der zuvor gehörte Take</translation>
    </message>
    <message>
        <source>Timecode of the edit at the playhead</source>
        <translation>Timecode des Schnitts an der Abspielposition</translation>
    </message>
    <message>
        <source>Time from the start of the shot, and its length</source>
        <translation>Zeit seit dem Anfang der Einstellung, und ihre Länge</translation>
    </message>
    <message>
        <source>Select a shot.</source>
        <translation>Eine Einstellung auswählen.</translation>
    </message>
    <message>
        <source>Being made: {0} %</source>
        <translation>Wird erzeugt: {0} %</translation>
    </message>
    <message>
        <source>No picture yet. Press Visualize.</source>
        <translation>Noch kein Bild. „Bebildern“ drücken.</translation>
    </message>
    <message>
        <source>No take yet. Write a caption and press Generate.</source>
        <translation>Noch kein Take. Beschreibung eingeben und „Erzeugen“ drücken.</translation>
    </message>
    <message>
        <source>{0} is on the clipboard.</source>
        <translation>{0} ist in der Zwischenablage.</translation>
    </message>
    <message>
        <source>This sound has no picture yet.</source>
        <translation>Dieser Klang hat noch kein Bild.</translation>
    </message>
    <message>
        <source>This one has no picture: it is made from words alone.</source>
        <translation>Hierzu gibt es kein Bild: der Ton entsteht nur aus Worten.</translation>
    </message>
    <message>
        <source>The picture cannot be shown: {0}</source>
        <translation>Das Bild lässt sich nicht zeigen: {0}</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
</context>
<context>
    <name>MakingForm</name>
    <message>
        <source>Caption of the selected shots</source>
        <extracomment>Solver steps relative to the model&apos;s own number. The largest seed that a QSpinBox holds, and plenty.</extracomment>
        <translation>Beschreibung der ausgewählten Einstellungen</translation>
    </message>
    <message>
        <source>what shall not be heard</source>
        <translation>was nicht zu hören sein soll</translation>
    </message>
    <message>
        <source>Draft</source>
        <translation>Entwurf</translation>
    </message>
    <message>
        <source>as soon as the engine is ready</source>
        <translation>sobald die Engine bereit ist</translation>
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
        <source>Keep this seed; else each time a new one</source>
        <translation>Diesen Seed behalten; sonst jedes Mal ein neuer</translation>
    </message>
    <message>
        <source>Another seed</source>
        <translation>Anderer Seed</translation>
    </message>
    <message>
        <source> fr</source>
        <translation> B.</translation>
    </message>
    <message>
        <source>Frames of sound before and after the shot, as far as its picture reaches</source>
        <translation>Ton vor und nach der Einstellung, in Bildern, so weit ihr Bild reicht</translation>
    </message>
    <message>
        <source>Generate</source>
        <translation>Erzeugen</translation>
    </message>
    <message>
        <source>Visualize</source>
        <translation>Bebildern</translation>
    </message>
    <message>
        <source>Caption</source>
        <translation>Beschreiben</translation>
    </message>
    <message>
        <source>Regenerate changed</source>
        <translation>Geänderte neu erzeugen</translation>
    </message>
    <message>
        <source>several captions; what you write here is for all</source>
        <translation>mehrere Beschreibungen; was hier steht, gilt für alle</translation>
    </message>
    <message>
        <source>what shall be seen, e.g. a bell in a tower</source>
        <translation>was zu sehen sein soll, z. B. eine Glocke im Turm</translation>
    </message>
    <message>
        <source>what shall be heard, e.g. boots on gravel</source>
        <translation>was zu hören sein soll, z. B. Stiefel auf Kies</translation>
    </message>
    <message>
        <source>what shall not be seen</source>
        <translation>was nicht zu sehen sein soll</translation>
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
    <message numerus="yes">
        <source>%n shot(s), {0} s</source>
        <translation>
            <numerusform>%n Einstellung, {0} s</numerusform>
            <numerusform>%n Einstellungen, {0} s</numerusform>
        </translation>
    </message>
    <message>
        <source>Select the shots that shall be heard.</source>
        <translation>Die Einstellungen auswählen, die Ton bekommen sollen.</translation>
    </message>
    <message>
        <source>The caption was changed: the take in use was made from other words.</source>
        <translation>Die Beschreibung wurde geändert: der verwendete Take entstand aus anderen Worten.</translation>
    </message>
    <message>
        <source>&amp;Caption</source>
        <translation>&amp;Beschreibung</translation>
    </message>
    <message>
        <source>&amp;Not</source>
        <translation>&amp;Ohne</translation>
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
        <source>Open a video or a timeline</source>
        <extracomment>From this width on there are two columns, and three. What a key press makes the stretch of time longer by, or shorter.</extracomment>
        <translation>Video oder Timeline öffnen</translation>
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
        <source>Menu</source>
        <translation>Menü</translation>
    </message>
    <message>
        <source>Open…</source>
        <translation>Öffnen…</translation>
    </message>
    <message>
        <source>Open again</source>
        <translation>Wieder öffnen</translation>
    </message>
    <message>
        <source>Models…</source>
        <translation>Modelle…</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Erscheinungsbild</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>Wie das System</translation>
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
        <source>Keys</source>
        <translation>Tasten</translation>
    </message>
    <message>
        <source>Find shots</source>
        <translation>Einstellungen suchen</translation>
    </message>
    <message>
        <source>To the shots</source>
        <translation>Zu den Einstellungen</translation>
    </message>
    <message>
        <source>To listening</source>
        <translation>Zum Abhören</translation>
    </message>
    <message>
        <source>To making</source>
        <translation>Zum Erzeugen</translation>
    </message>
    <message>
        <source>Edit the shot&apos;s caption in the list</source>
        <translation>Beschreibung in der Liste bearbeiten</translation>
    </message>
    <message>
        <source>Generate takes for what is selected</source>
        <translation>Takes für das Ausgewählte erzeugen</translation>
    </message>
    <message>
        <source>Regenerate the changed shots</source>
        <translation>Die geänderten Einstellungen neu erzeugen</translation>
    </message>
    <message>
        <source>Play, stop</source>
        <translation>Abspielen, anhalten</translation>
    </message>
    <message>
        <source>Play backwards; again: faster</source>
        <translation>Rückwärts abspielen; nochmals: schneller</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Play forwards; again: faster</source>
        <translation>Vorwärts abspielen; nochmals: schneller</translation>
    </message>
    <message>
        <source>A frame back</source>
        <translation>Ein Bild zurück</translation>
    </message>
    <message>
        <source>A frame on</source>
        <translation>Ein Bild weiter</translation>
    </message>
    <message>
        <source>The onset before</source>
        <translation>Der Einsatz davor</translation>
    </message>
    <message>
        <source>The next onset</source>
        <translation>Der nächste Einsatz</translation>
    </message>
    <message>
        <source>To the start</source>
        <translation>Zum Anfang</translation>
    </message>
    <message>
        <source>The previous shot</source>
        <translation>Vorige Einstellung</translation>
    </message>
    <message>
        <source>The next shot</source>
        <translation>Nächste Einstellung</translation>
    </message>
    <message>
        <source>Loop</source>
        <translation>Schleife</translation>
    </message>
    <message>
        <source>A/B: the take heard before</source>
        <translation>A/B: der zuvor gehörte Take</translation>
    </message>
    <message>
        <source>Use the take that is heard</source>
        <translation>Den gehörten Take verwenden</translation>
    </message>
    <message>
        <source>Star the take that is heard</source>
        <translation>Den gehörten Take merken</translation>
    </message>
    <message>
        <source>Delete the take that is heard</source>
        <translation>Den gehörten Take löschen</translation>
    </message>
    <message>
        <source>Copy the take that is heard, as a file</source>
        <translation>Den gehörten Take als Datei kopieren</translation>
    </message>
    <message>
        <source>Zoom in on the playhead</source>
        <translation>An der Abspielposition vergrößern</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>Verkleinern</translation>
    </message>
    <message>
        <source>The whole shot</source>
        <translation>Die ganze Einstellung</translation>
    </message>
    <message>
        <source>Dismiss what was said, leave the field</source>
        <translation>Meldung schließen, Feld verlassen</translation>
    </message>
    <message>
        <source>Cancel all that is being made</source>
        <translation>Alles abbrechen, was erzeugt wird</translation>
    </message>
    <message>
        <source>These keys</source>
        <translation>Diese Tasten</translation>
    </message>
    <message>
        <source>Hear the take of that number</source>
        <translation>Den Take mit dieser Nummer hören</translation>
    </message>
    <message>
        <source>Timelines and videos</source>
        <translation>Timelines und Videos</translation>
    </message>
    <message>
        <source>All files</source>
        <translation>Alle Dateien</translation>
    </message>
    <message>
        <source>Close the panel?</source>
        <translation>Panel schließen?</translation>
    </message>
    <message>
        <source>Takes are being made. Those that are finished are kept; the others are cancelled.</source>
        <translation>Es werden gerade Takes erzeugt. Fertige bleiben erhalten, die übrigen werden abgebrochen.</translation>
    </message>
    <message>
        <source>Shots</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Listen</source>
        <translation>Abhören</translation>
    </message>
    <message>
        <source>Make</source>
        <translation>Erzeugen</translation>
    </message>
    <message>
        <source>Seed and settings of that take are in the form again.</source>
        <translation>Seed und Einstellungen dieses Takes stehen wieder im Formular.</translation>
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
        <source>stopping</source>
        <translation>wird abgebrochen</translation>
    </message>
    <message>
        <source>{0} %</source>
        <translation>{0} %</translation>
    </message>
    <message>
        <source>{0} %, {1} left</source>
        <translation>{0} %, noch {1}</translation>
    </message>
</context>
<context>
    <name>QueueView</name>
    <message>
        <source>Progress of everything in the queue</source>
        <translation>Fortschritt der ganzen Warteschlange</translation>
    </message>
    <message>
        <source>Cancel all</source>
        <translation>Alle abbrechen</translation>
    </message>
    <message>
        <source>Stops everything that is not finished</source>
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
        <source>Nothing is being made.</source>
        <translation>Es wird nichts erzeugt.</translation>
    </message>
</context>
<context>
    <name>RunThread</name>
    <message>
        <source>The panel did not foresee this ({0}: {1}); please report it.</source>
        <extracomment>Finished takes are placed this often while the rest of a run is being made, in seconds.</extracomment>
        <translation>Damit hat das Panel nicht gerechnet ({0}: {1}); bitte melden.</translation>
    </message>
</context>
<context>
    <name>ShotsModel</name>
    <message>
        <source>being made</source>
        <extracomment>Progress from 0 to 1 while its takes are being made, else None.</extracomment>
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
        <source>Find in names and captions</source>
        <translation>In Namen und Beschreibungen suchen</translation>
    </message>
    <message>
        <source>Find shots</source>
        <translation>Einstellungen suchen</translation>
    </message>
    <message>
        <source>Show shots in this state</source>
        <translation>Einstellungen in diesem Zustand zeigen</translation>
    </message>
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
        <source>Made</source>
        <translation>Fertige</translation>
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
        <source>Select what is selected in the editing program</source>
        <translation>Auswählen, was im Schnittprogramm ausgewählt ist</translation>
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
        <extracomment>Samples behind one column of the spectrogram.</extracomment>
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
        <source>Put its seed and settings back</source>
        <translation>Seed und Einstellungen übernehmen</translation>
    </message>
    <message>
        <source>Delete this take</source>
        <translation>Diesen Take löschen</translation>
    </message>
    <message>
        <source>Hear take {0}</source>
        <translation>Take {0} hören</translation>
    </message>
    <message>
        <source>Hear take {0} from where the playhead is ({1})</source>
        <translation>Take {0} ab der Abspielposition hören ({1})</translation>
    </message>
    <message>
        <source>seed {0}</source>
        <translation>Seed {0}</translation>
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
        <source>no caption</source>
        <translation>keine Beschreibung</translation>
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
        <extracomment>Takes that are seen at once, where there is room. How many pixels at the right edge the scroll bar takes.</extracomment>
        <translation>Takes</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>Foley for your picture</source>
        <translation>Foley zu deinem Bild</translation>
    </message>
    <message>
        <source>Drop a video or a timeline (.otio, .kdenlive, …) here. Select shots, write what shall be heard, press Generate: takes in sync with the picture come back on a track of their own.</source>
        <translation>Video oder Timeline (.otio, .kdenlive, …) hierher ziehen. Einstellungen auswählen, beschreiben, was zu hören sein soll, „Erzeugen“ drücken: Takes, synchron zum Bild, kommen auf einer eigenen Spur zurück.</translation>
    </message>
    <message>
        <source>Open a video or a timeline…</source>
        <translation>Video oder Timeline öffnen…</translation>
    </message>
    <message>
        <source>Open {0}</source>
        <translation>{0} öffnen</translation>
    </message>
    <message>
        <source>Opening {0} …</source>
        <translation>{0} wird geöffnet …</translation>
    </message>
</context>
<context>
    <name>_Card</name>
    <message>
        <source>what shall be heard</source>
        <translation>was zu hören sein soll</translation>
    </message>
    <message>
        <source>Caption</source>
        <translation>Beschreibung</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} s</translation>
    </message>
    <message>
        <source>no caption</source>
        <translation>keine Beschreibung</translation>
    </message>
</context>
<context>
    <name>_Grip</name>
    <message>
        <source>Drag the take out as a file; Ctrl+C copies the one that is heard</source>
        <translation>Den Take als Datei herausziehen; Strg+C kopiert den gehörten</translation>
    </message>
    <message>
        <source>Drag the take out as a file</source>
        <translation>Den Take als Datei herausziehen</translation>
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
        <source>not here yet</source>
        <translation>noch nicht hier</translation>
    </message>
    <message>
        <source>Licence: {0}</source>
        <translation>Lizenz: {0}</translation>
    </message>
    <message>
        <source>Go on pulling</source>
        <translation>Weiter laden</translation>
    </message>
    <message>
        <source>Pull</source>
        <translation>Laden</translation>
    </message>
    <message>
        <source>foley for a picture</source>
        <translation>Foley zum Bild</translation>
    </message>
    <message>
        <source>picture for a sound</source>
        <translation>Bild zum Ton</translation>
    </message>
    <message>
        <source>captions</source>
        <translation>Beschreibungen</translation>
    </message>
</context>
</TS>
